"""A processor's program with the runner in it, seen from the worker: started, fed, heard, ended with all its children.

The runner itself is ``offizin/runner/``, which runs in the processor's own interpreter; it comes in by ``PYTHONPATH``.
The lines that go over the socket pair are described in ``offizin/runner/channel.py``.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

from offizin.errors import ProcessorUnloadable, RunnerLost, RunnerNotPython
from offizin.messages import Handshake
from offizin.workers.memory import MemoryWatch
from offizin.workers.program import Program, described_end, program_environment
from offizin.workers.runner_lines import Reported, RunnerEvent, RunnerLines, Started

__all__ = ["Reported", "RunnerEvent", "RunnerProcess", "Started"]

_SITE = Path(__file__).resolve().parent.parent / "runner" / "site"
_LOG_LINES = 8
# how long what a dead runner wrote may take to arrive
_DRAIN_SECONDS = 1.0


class RunnerProcess:
    """One running runner. Made by ``start``; whoever has it must in the end ``stop`` or ``kill`` it and ``wait``."""

    def __init__(self, program: Program, lines: RunnerLines) -> None:
        self.pid = program.pid
        self.memory = MemoryWatch(program.pid)
        self.handshake = Handshake(processor="")
        self._program = program
        self._lines = lines
        self._end = asyncio.create_task(self._until_gone(), name=f"runner {program.pid}")

    @classmethod
    async def start(
        cls,
        executable: Path,
        *,
        log: Path,
        threads: int,
        load_limit: float,
        job_logs: Path,
        environment: Mapping[str, str] | None = None,
    ) -> RunnerProcess:
        """Start the processor's program and wait for the runner's handshake, ``load_limit`` seconds at most.

        ``log`` gets what the program says outside of pieces (appended), and by its directory ``end_leftovers`` finds
        what is left of us; ``job_logs`` is the directory in which pieces name their logs; ``environment`` is put over
        our own one.
        Raises RunnerNotPython when the program ends by itself or stays silent, ProcessorUnloadable when it had begun to
        load a Python processor, RunnerLost when it cannot be started or is killed.
        """
        ours, theirs = socket.socketpair()
        log.parent.mkdir(parents=True, exist_ok=True)
        with theirs, log.open("ab") as output:
            said_before = output.tell()
            try:
                program = await Program.start(
                    [executable],
                    owner=log.parent,
                    output=output.fileno(),
                    environment=_environment(environment, threads, theirs.fileno(), job_logs),
                    pass_fds=(theirs.fileno(),),
                )
            except BaseException:
                ours.close()
                raise
        ours.setblocking(False)
        _, lines = await asyncio.get_running_loop().create_connection(RunnerLines, sock=ours)
        runner = cls(program, lines)
        try:
            async with asyncio.timeout(load_limit):
                said = await lines.handshake()
        except TimeoutError:
            await runner._abandon()
            said_log = _last_lines(log, said_before)
            error = ProcessorUnloadable if lines.is_python else RunnerNotPython
            raise error(
                f"{executable} did not load a Python processor within {load_limit:g} s{said_log}",
                advice="If it is a Python processor that loads slowly, raise the limit for loading.",
            ) from None
        except BaseException:
            await runner._abandon()
            raise
        if said is not None:
            runner.handshake = said
            return runner
        code = await runner.wait()
        ended = described_end(code)
        message = f"{executable} ended before it had loaded a processor ({ended}){_last_lines(log, said_before)}"
        if code < 0:
            raise RunnerLost(message)
        raise ProcessorUnloadable(message) if lines.is_python else RunnerNotPython(message)

    def send(self, piece: bytes) -> None:
        """Hand over an encoded piece. Never blocks; what goes to a runner that has ended is dropped."""
        if b"\n" in piece:  # between tokens: in strings it is escaped
            piece = piece.replace(b"\n", b" ")
        self._lines.write(b"P" + piece + b"\n")

    def renew(self, seconds: float) -> None:
        """From now on the runner may write for ``seconds``. It gets the instant: waking up late must not prolong it."""
        self._lines.write(b"D%r\n" % (time.monotonic() + seconds))

    def pause(self, seconds: float) -> None:
        """Look for events again in ``seconds``: what comes meanwhile is heard in one piece."""
        self._lines.pause(seconds)

    async def events(self) -> AsyncGenerator[list[RunnerEvent], None]:
        """All that has arrived at once, as a list, again and again, until the process has ended. For one listener."""
        while events := await self._lines.events():
            yield events

    async def stop(self, grace: float) -> None:
        """Let the runner finish its pieces and leave; after ``grace`` seconds kill it. Returns once it is gone."""
        self._lines.write(b"Q\n")
        await asyncio.wait({self._end}, timeout=grace)
        if not self._end.done():
            self.kill()
        await self.wait()

    def kill(self) -> None:
        """SIGKILL, at once, to the whole process group and to every descendant that has left it."""
        if not self._end.done():
            self._program.kill()

    async def wait(self) -> int:
        """The return code (negative: a signal), once the whole group is gone."""
        return await asyncio.shield(self._end)

    async def _until_gone(self) -> int:
        code = await self._program.gone()
        await asyncio.wait({self._lines.closed}, timeout=_DRAIN_SECONDS)
        self._lines.close()
        return code

    async def _abandon(self) -> None:
        self.kill()
        await self.wait()


def _environment(over: Mapping[str, str] | None, threads: int, descriptor: int, job_logs: Path) -> dict[str, str]:
    environment = program_environment(over, threads)
    path = environment.get("PYTHONPATH")
    environment["PYTHONPATH"] = f"{_SITE}{os.pathsep}{path}" if path else str(_SITE)
    environment["OFFIZIN_RUNNER_FD"] = str(descriptor)
    environment["OFFIZIN_RUNNER_LOGS"] = str(job_logs.resolve())
    return environment


def _last_lines(log: Path, begin: int) -> str:
    """The end of what the program has said, to go behind a message."""
    with log.open("rb") as stream:
        stream.seek(max(begin, log.stat().st_size - 4096))
        lines = stream.read().decode("utf-8", "replace").strip().splitlines()[-_LOG_LINES:]
    return ":\n" + "\n".join(lines) if lines else ", without a word"
