"""A processor's program with the runner in it, seen from the worker: started, fed, heard, ended with all its children.

The runner itself is ``offizin/runner/``, which runs in the processor's own interpreter; it comes in by ``PYTHONPATH``.
The lines that go over the socket pair are described in ``offizin/runner/channel.py``.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import time
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

import msgspec

from offizin.errors import RunnerLost, RunnerNotPython
from offizin.messages import Handshake, decode_handshake
from offizin.workers.process_group import MARK, ProcessGroup

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


class Started(msgspec.Struct, frozen=True):
    """The runner begins with the next of its pieces."""


class Reported(msgspec.Struct, frozen=True):
    """A Result as JSON, not decoded: the piece's last one (``end``), or pages so far."""

    end: bool
    body: bytes


RunnerEvent = Started | Reported
_STARTED = Started()


class RunnerProcess:
    """One running runner. Made by ``start``; whoever has it must in the end ``stop`` or ``kill`` it and ``wait``."""

    def __init__(self, process: asyncio.subprocess.Process, lines: _Lines, mark: str) -> None:
        self.pid = process.pid
        self.handshake = Handshake(processor="")
        self._process = process
        self._lines = lines
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
        environment: Mapping[str, str] | None = None,
    ) -> RunnerProcess:
        """Start the processor's program and wait for the runner's handshake, ``load_limit`` seconds at most.

        ``log`` gets what the program says outside of pieces (appended); ``environment`` is put over our own one.
        Raises RunnerNotPython when the program ends by itself or stays silent, RunnerLost when it cannot be started or
        is killed.
        """
        ours, theirs = socket.socketpair()
        mark = f"{os.getpid()}-{secrets.token_hex(8)}"
        log.parent.mkdir(parents=True, exist_ok=True)
        with theirs, log.open("ab") as output:
            said_before = output.tell()
            try:
                process = await asyncio.create_subprocess_exec(
                    executable,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=_environment(environment, threads, theirs.fileno()) | {MARK: mark},
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
            except OSError as error:
                ours.close()
                raise RunnerLost(
                    f"{executable} cannot be started: {error.strerror}", advice="Look at the program by hand."
                ) from error
        ours.setblocking(False)
        _, lines = await asyncio.get_running_loop().create_connection(_Lines, sock=ours)
        runner = cls(process, lines, mark)
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
        await asyncio.wait({self._lines.closed}, timeout=_DRAIN_SECONDS)
        self._lines.close()
        return code

    async def _abandon(self) -> None:
        self.kill()
        await self.wait()


class _Lines(asyncio.Protocol):
    """Cuts the stream into events."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[None] = loop.create_future()
        self._handshake: asyncio.Future[Handshake | None] = loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._unsent: list[bytes] = []
        self._events: list[RunnerEvent] = []
        self._arrived: asyncio.Future[None] | None = None

    async def handshake(self) -> Handshake | None:
        """None when the stream has ended without one."""
        return await asyncio.shield(self._handshake)

    async def events(self) -> list[RunnerEvent]:
        """What has arrived since the last call, at least one event; empty only at the end."""
        while not self._events and not self.closed.done():
            self._arrived = asyncio.get_running_loop().create_future()
            await self._arrived
        events, self._events = self._events, []
        return events

    def write(self, line: bytes) -> None:
        """Lines of one turn of the loop go out together."""
        self._unsent.append(line)
        if len(self._unsent) == 1:
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        unsent, self._unsent = self._unsent, []
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(unsent))

    def pause(self, seconds: float) -> None:
        if self._transport is not None and self._transport.is_reading():
            self._transport.pause_reading()
            asyncio.get_running_loop().call_later(seconds, self._resume)

    def _resume(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            match line[:1]:
                case b"S":
                    self._events.append(_STARTED)
                case b"R":
                    self._events.append(Reported(True, line[1:]))
                case b"r":
                    self._events.append(Reported(False, line[1:]))
                case b"H" if not self._handshake.done():
                    self._handshake.set_result(decode_handshake(line[1:]))
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._handshake.done():
            self._handshake.set_result(None)
        if not self.closed.done():
            self.closed.set_result(None)
        self._wake()

    def _wake(self) -> None:
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)


def _environment(over: Mapping[str, str] | None, threads: int, descriptor: int) -> dict[str, str]:
    environment = {**os.environ, **(over or {})}
    for name in _THREADS:
        environment.setdefault(name, str(threads))
    path = environment.get("PYTHONPATH")
    environment["PYTHONPATH"] = f"{_SITE}{os.pathsep}{path}" if path else str(_SITE)
    environment["OFFIZIN_RUNNER_FD"] = str(descriptor)
    environment["LC_ALL"] = "C.UTF-8"
    environment["PYTHONUTF8"] = "1"
    return environment


def _last_lines(log: Path, begin: int) -> str:
    """The end of what the program has said, to go behind a message."""
    with log.open("rb") as stream:
        stream.seek(max(begin, log.stat().st_size - 4096))
        lines = stream.read().decode("utf-8", "replace").strip().splitlines()[-_LOG_LINES:]
    return ":\n" + "\n".join(lines) if lines else ", without a word"
