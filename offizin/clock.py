"""Time, ids and randomness come in here, through constructors, so that the simulation can drive them."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Protocol


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since the epoch (UTC): what is stored and shown."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going back: what durations are measured with."""
        ...

    def new_id(self) -> str:
        """A fresh id in the form of a UUID."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's own time and randomness."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def new_id(self) -> str:
        return str(uuid.uuid4())

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
