"""How a server may be asked to end, and the way that takes its time: nothing new begins, what is out comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum

from offizin.changes import Changes
from offizin.scheduling.dispatch import Dispatcher

# A result that is dropped announces no change; seconds.
LOOK = 1.0


class StopMode(StrEnum):
    """``stop``: what runs has a grace period, and what the server has started elsewhere ends with it; ``drain``: first
    all that is with workers is finished; ``leave``: what it has started elsewhere goes on."""

    STOP = "stop"
    DRAIN = "drain"
    LEAVE = "leave"


class Draining:
    """``drained`` is called when nothing is with any worker any more. What waits, waits for the next start."""

    def __init__(self, dispatcher: Dispatcher, changes: Changes, drained: Callable[[], None]) -> None:
        self._dispatcher = dispatcher
        self._changes = changes
        self._drained = drained
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        if self._task is None:
            self._dispatcher.rest()
            self._task = asyncio.create_task(self._drain(), name="draining")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _drain(self) -> None:
        while self._dispatcher.out:
            upcoming = self._changes.upcoming()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await upcoming.wait()
        self._drained()
