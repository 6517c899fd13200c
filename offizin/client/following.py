"""Following a run: its summary, anew whenever something has changed, until it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress

from offizin.client.answers import RunSummary
from offizin.client.client import Client
from offizin.clock import Clock
from offizin.errors import Unavailable

# Summaries at most so often, in seconds, and at most a tenth of the time is spent on getting them.
INTERVAL = 0.2
SHARE = 10
# Looked at when no event comes, in seconds, first and at last: the stream may be lost unnoticed.
SILENCE = (0.25, 5.0)
# So long a server that does not answer is waited for, in seconds.
PATIENCE = 60.0


async def follow_run(
    client: Client, run_id: str, clock: Clock, *, patience: float = PATIENCE
) -> AsyncGenerator[RunSummary]:
    """The last summary has ``ended_at``. Events only wake: the summary alone says what is so.

    A server that is restarted is waited for: Unavailable is raised when it stays away for ``patience`` seconds.
    Raises RunUnknown.
    """
    changed = _Changed()
    listener = asyncio.create_task(_listen(client, run_id, changed, clock), name=f"events of {run_id}")
    lost_at: float | None = None
    silence, longest = SILENCE
    try:
        while True:
            changed.clear()
            asked_at = clock.monotonic()
            try:
                summary = await client.run(run_id)
            except Unavailable:
                lost_at = asked_at if lost_at is None else lost_at
                if clock.monotonic() - lost_at > patience:
                    raise
                await clock.sleep(1.0)
                continue
            lost_at = None
            yield summary
            if summary.ended:
                return
            pause = max(INTERVAL, SHARE * (clock.monotonic() - asked_at))
            silence = SILENCE[0] if await changed.wait(silence) else min(2 * silence, longest)
            # what comes at once after the last summary waits a little, the end of the run does not
            await changed.wait_for_end(asked_at + pause - clock.monotonic())
    finally:
        listener.cancel()
        with suppress(asyncio.CancelledError):
            await listener


class _Changed:
    """Whether something has changed since it was cleared, and whether it was the run's own state."""

    def __init__(self) -> None:
        self._anything = asyncio.Event()
        self._end = asyncio.Event()

    def clear(self) -> None:
        self._anything.clear()
        self._end.clear()

    def tell(self, *, end: bool) -> None:
        self._anything.set()
        if end:
            self._end.set()

    async def wait(self, seconds: float) -> bool:
        return await _wait(self._anything, seconds)

    async def wait_for_end(self, seconds: float) -> bool:
        return await _wait(self._end, seconds)


async def _wait(event: asyncio.Event, seconds: float) -> bool:
    """Whether it came within so many seconds."""
    if seconds > 0:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()
    return event.is_set()


async def _listen(client: Client, run_id: str, changed: _Changed, clock: Clock) -> None:
    while True:
        with suppress(Unavailable):
            async for changes in client.changes(run=run_id):
                changed.tell(end=any(not change.job and change.state.is_final for change in changes.changes))
        await clock.sleep(1.0)
