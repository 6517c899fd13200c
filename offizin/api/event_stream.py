"""Changes of state as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile

import msgspec

from offizin.offizin import Offizin
from offizin.store import events
from offizin.store.events import Change, Recorded

# A comment keeps the connection alive, in seconds.
QUIET = 15.0
# So long a reader rests after each look, in seconds: bursts are told together. The end of a run is told at once.
REST = 0.05
# Rows of the store read at once, and kept for all readers.
AT_ONCE = 200
KEPT = 1000


class _ShownChange(msgspec.Struct):
    run: str
    job: str
    step: int
    page: str | None
    state: str
    cause: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the store, and its block of the stream."""

    recorded: Recorded
    block: bytes

    @classmethod
    def of(cls, recorded: Recorded) -> Event:
        return cls(recorded, _block(recorded.seq, recorded.at, recorded.changes))

    def block_of(self, run: str) -> bytes:
        """What concerns one run; empty if nothing does."""
        changes = [change for change in self.recorded.changes if change.run == run]
        if len(changes) == len(self.recorded.changes):
            return self.block
        return _block(self.recorded.seq, self.recorded.at, changes) if changes else b""


class EventFeed:
    """Looks into the store once for all readers, and keeps the newest events encoded."""

    def __init__(self, offizin: Offizin) -> None:
        self._offizin = offizin
        self._kept: deque[Event] = deque(maxlen=KEPT)
        self._begin = 0  # what came after this one is kept
        self._end: int | None = None
        self._looked_for: asyncio.Event | None = None
        self._turn = asyncio.Lock()

    async def last(self) -> int:
        """The number of the newest event."""
        return await self._offizin.database.read(events.last)

    async def stream(self, seq: int, run: str | None) -> AsyncIterator[bytes]:
        """All events after ``seq``, or those of one run, until the server ends. A comment says where it begins."""
        offizin = self._offizin
        yield b": after %d\n\n" % seq
        while not offizin.stopping.is_set():
            # Taken before the look, so that no change is missed between look and wait.
            upcoming, upcoming_end = offizin.changes.upcoming(), offizin.changes.upcoming_end()
            found = await self._after(seq, upcoming)
            if found:
                seq = found[-1].recorded.seq
                if block := b"".join(event.block if run is None else event.block_of(run) for event in found):
                    yield block
                with suppress(TimeoutError):
                    async with asyncio.timeout(REST):
                        await upcoming_end.wait()
                continue
            try:
                async with asyncio.timeout(QUIET):
                    await upcoming.wait()
            except TimeoutError:
                yield b": \n\n"

    async def _after(self, seq: int, upcoming: asyncio.Event) -> Sequence[Event]:
        async with self._turn:
            if self._looked_for is not upcoming:
                await self._look()
                self._looked_for = upcoming
        if seq >= self._begin:
            newest_first = takewhile(lambda event: event.recorded.seq > seq, reversed(self._kept))
            return list(newest_first)[::-1]
        return [Event.of(recorded) for recorded in await self._read(seq)]

    async def _look(self) -> None:
        if self._end is None:
            self._begin = self._end = await self.last()
        while True:
            found = await self._read(self._end)
            for recorded in found:
                if len(self._kept) == KEPT:
                    self._begin = self._kept[0].recorded.seq
                self._kept.append(Event.of(recorded))
                self._end = recorded.seq
            if len(found) < AT_ONCE:
                return

    async def _read(self, seq: int) -> list[Recorded]:
        return await self._offizin.database.read(lambda tx: events.after(tx, seq, AT_ONCE))


_encoder = msgspec.json.Encoder()


def _block(seq: int, at: float, changes: Sequence[Change]) -> bytes:
    shown = [_ShownChange(c.run, c.job, c.step, c.page, c.state, c.cause, c.message) for c in changes]
    data = _encoder.encode({"at": at, "changes": shown})
    return b"id: %d\nevent: changes\ndata: %b\n\n" % (seq, data)
