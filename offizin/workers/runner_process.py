"""A processor's program with the runner in it, seen from the worker: started, fed, heard, ended with all its children.

The runner itself is ``offizin/runner/``, which runs in the processor's own interpreter; it comes in by ``PYTHONPATH``.
The lines that go over the socket pair are described in ``offizin/runner/channel.py``.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

from offizin.errors import RunnerLost, RunnerNotPython
from offizin.messages import Handshake
from offizin.workers.last_will import LastWill
from offizin.workers.process_group import MARK, ProcessGroup, mark_of
from offizin.workers.runner_lines import Reported, RunnerEvent, RunnerLines, Started

__all__ = ["Reported", "RunnerEvent", "RunnerProcess", "Started"]

_SITE = Path(__file__).resolve().parent.parent / "runner" / "site"
_THREADS = (
    "OMP_NUM_THREADS",
    "OMP_THREAD_LIMIT",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "TF_NUM_INTRAOP_THREADS",
)
_LOG_LINES = 8
# how long what a dead runner wrote may take to arrive
_DRAIN_SECONDS = 1.0


class RunnerProcess:
    """One running runner. Made by ``start``; whoever has it must in the end ``stop`` or ``kill`` it and ``wait``."""

    def __init__(self, process: asyncio.subprocess.Process, lines: RunnerLines, mark: str, will: LastWill) -> None:
        self.pid = process.pid
        self.handshake = Handshake(processor="")
        self._process = process
        self._lines = lines
        self._will = will
        self._group = ProcessGroup(process.pid, mark)
        self._end = asyncio.create_task(self._until_gone(), name=f"runner {process.pid}")

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
        Raises RunnerNotPython when the program ends by itself or stays silent, RunnerLost when it cannot be started or
        is killed.
        """
        ours, theirs = socket.socketpair()
        log.parent.mkdir(parents=True, exist_ok=True)
        mark = mark_of(log.parent)
        will = await LastWill.write(mark)
        with theirs, log.open("ab") as output:
            said_before = output.tell()
            try:
                process = await asyncio.create_subprocess_exec(
                    executable,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=_environment(environment, threads, theirs.fileno(), job_logs) | {MARK: mark},
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
            except OSError as error:
                ours.close()
                await will.revoke()
                raise RunnerLost(
                    f"{executable} cannot be started: {error.strerror}", advice="Look at the program by hand."
                ) from error
            except BaseException:
                ours.close()
                will.execute()
                raise
        will.name(process.pid)
        ours.setblocking(False)
        _, lines = await asyncio.get_running_loop().create_connection(RunnerLines, sock=ours)
        runner = cls(process, lines, mark, will)
        try:
            async with asyncio.timeout(load_limit):
                said = await lines.handshake()
        except TimeoutError:
            await runner._abandon()
            said_log = _last_lines(log, said_before)
            raise RunnerNotPython(
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
        ended = f"exit {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
        message = f"{executable} ended before it had loaded a processor ({ended}){_last_lines(log, said_before)}"
        raise RunnerNotPython(message) if code >= 0 else RunnerLost(message)

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
            self._group.kill()

    async def wait(self) -> int:
        """The return code (negative: a signal), once the whole group is gone."""
        return await asyncio.shield(self._end)

    async def _until_gone(self) -> int:
        code = await self._process.wait()
        await self._group.end_what_is_left()
        await self._will.revoke()
        await asyncio.wait({self._lines.closed}, timeout=_DRAIN_SECONDS)
        self._lines.close()
        return code

    async def _abandon(self) -> None:
        self.kill()
        await self.wait()


def _environment(over: Mapping[str, str] | None, threads: int, descriptor: int, job_logs: Path) -> dict[str, str]:
    environment = {**os.environ, **(over or {})}
    for name in _THREADS:
        environment.setdefault(name, str(threads))
    path = environment.get("PYTHONPATH")
    environment["PYTHONPATH"] = f"{_SITE}{os.pathsep}{path}" if path else str(_SITE)
    environment["OFFIZIN_RUNNER_FD"] = str(descriptor)
    environment["OFFIZIN_RUNNER_LOGS"] = str(job_logs.resolve())
    environment["LC_ALL"] = "C.UTF-8"
    environment["PYTHONUTF8"] = "1"
    return environment


def _last_lines(log: Path, begin: int) -> str:
    """The end of what the program has said, to go behind a message."""
    with log.open("rb") as stream:
        stream.seek(max(begin, log.stat().st_size - 4096))
        lines = stream.read().decode("utf-8", "replace").strip().splitlines()[-_LOG_LINES:]
    return ":\n" + "\n".join(lines) if lines else ", without a word"
