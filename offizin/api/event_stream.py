"""Changes of state as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec

from offizin.offizin import Offizin
from offizin.store import events
from offizin.store.events import Change, Recorded

# A comment keeps the connection alive, in seconds.
QUIET = 15.0
# At most so many looks a second for each reader: bursts are told together.
SHORTEST = 0.02
AT_ONCE = 200


class _Change(msgspec.Struct):
    run: str
    job: str
    step: int
    page: str | None
    state: str
    cause: str | None
    message: str


_encoder = msgspec.json.Encoder()


async def event_stream(offizin: Offizin, after: int | None, run: str | None) -> AsyncIterator[bytes]:
    """From the event after the given number on, or from now; those of one run, if it is named."""
    seq = await offizin.database.read(events.last) if after is None else after
    return _blocks(offizin, seq, run)


async def _blocks(offizin: Offizin, seq: int, run: str | None) -> AsyncIterator[bytes]:
    yield b": after %d\n\n" % seq
    while not offizin.stopping.is_set():
        # Taken before the look, so that no change is missed between look and wait.
        upcoming = offizin.changes.upcoming()
        found = await offizin.database.read(lambda tx, seq=seq: events.after(tx, seq, AT_ONCE))  # type: ignore[misc]
        for recorded in found:
            seq = recorded.seq
            if block := _block(recorded, run):
                yield block
        if len(found) == AT_ONCE:
            continue
        try:
            async with asyncio.timeout(QUIET):
                await upcoming.wait()
        except TimeoutError:
            yield b": \n\n"
        if found:
            await asyncio.sleep(SHORTEST)


def _block(recorded: Recorded, run: str | None) -> bytes:
    changes = [_shown(change) for change in recorded.changes if run is None or change.run == run]
    if not changes:
        return b""
    data = _encoder.encode({"at": recorded.at, "changes": changes})
    return b"id: %d\nevent: changes\ndata: %b\n\n" % (recorded.seq, data)


def _shown(change: Change) -> _Change:
    return _Change(change.run, change.job, change.step, change.page, change.state, change.cause, change.message)
