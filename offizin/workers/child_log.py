"""What a program writes, on its way into the log of its job, to which other pieces of the job may write as well."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path

TAIL_LINES, TAIL_BYTES = 15, 2000
# Of a flood the beginning and the end are kept, so many bytes of each.
MOST_HEAD, MOST_TAIL = 16 * 1024 * 1024, 64 * 1024
# How long what a dead program wrote may take to arrive, in seconds.
_DRAIN_SECONDS = 1.0


class ChildLog(asyncio.Protocol):
    """Made by ``open``. ``descriptor`` is for the program, until ``started``; ``close`` it in the end."""

    def __init__(self, log: int, descriptor: int) -> None:
        self.descriptor = descriptor
        self._log = log
        self._written = self._left_out = 0
        self._end = bytearray()  # of what has been written, or after the head of a flood of what will be
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.ReadTransport | None = None

    @classmethod
    async def open(cls, path: Path) -> ChildLog:
        """Appends to ``path``; its directory is made if needed. Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        read_end, write_end = os.pipe()
        made = cls(log, write_end)
        pipe = os.fdopen(read_end, "rb", buffering=0)
        made._transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: made, pipe)
        return made

    def started(self) -> None:
        """The program has it."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def tail(self) -> str:
        """The last lines, decoded with replacement."""
        text = bytes(self._end[-TAIL_BYTES:]).decode("utf-8", "replace")
        return "\n".join(text.rstrip().splitlines()[-TAIL_LINES:])

    async def close(self) -> None:
        """Once nothing of the program is left."""
        self.started()
        await asyncio.wait({self._closed}, timeout=_DRAIN_SECONDS)
        if self._transport is not None:
            self._transport.close()
        if self._left_out:
            left_out = self._left_out - len(self._end)
            if left_out:
                self._write(b"\n... %d bytes are left out here ...\n" % left_out)
            self._write(bytes(self._end))
        os.close(self._log)

    def data_received(self, data: bytes) -> None:
        room = MOST_HEAD - self._written
        if room > 0:
            self._write(data[:room])
            self._written += len(data[:room])
        if (more := len(data) - max(room, 0)) > 0:
            if not self._left_out:
                self._end.clear()
            self._left_out += more
            data = data[-more:]
        self._end += data[-MOST_TAIL:]
        del self._end[:-MOST_TAIL]

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._closed.done():
            self._closed.set_result(None)

    def _write(self, data: bytes) -> None:
        with suppress(OSError):  # a full disk: it is not the program's result
            os.write(self._log, data)
