"""The worker's end of a runner's socket: lines in, events out (offizin/runner/channel.py describes the lines)."""

from __future__ import annotations

import asyncio
from typing import cast

import msgspec

from offizin.messages import Handshake, decode_handshake


class Started(msgspec.Struct, frozen=True):
    """The runner begins with the next of its pieces."""


class Reported(msgspec.Struct, frozen=True):
    """A Result as JSON, not decoded: the piece's last one (``end``), or pages so far."""

    end: bool
    body: bytes


RunnerEvent = Started | Reported
_STARTED = Started()


class RunnerLines(asyncio.Protocol):
    """Cuts the stream into events."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[None] = loop.create_future()
        self.is_python = False  # the program has begun to load what Python processors need
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
        # uvloop's transports do what asyncio's do, but are none by class
        self._transport = cast(asyncio.Transport, transport)

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
                case b"I":
                    self.is_python = True
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
