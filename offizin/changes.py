"""Waking those who wait for the next change of state."""

from __future__ import annotations

import asyncio


class Changes:
    """Wakes everybody who waits: within this process."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._end = asyncio.Event()
        self.own = asyncio.Event()
        """Is set by changes that were made here, for whoever tells other servers of them, and then clears it."""

    def announce(self) -> None:
        self.own.set()
        self._wake()

    def announce_end(self) -> None:
        """As ``announce``, of a change that nobody should be told late: a run has ended, or the server is to end."""
        self.own.set()
        self._wake_at_once()

    def heard(self) -> None:
        """Another server has changed something, perhaps a run's end."""
        self._wake_at_once()

    def _wake(self) -> None:
        self._event.set()
        self._event = asyncio.Event()

    def _wake_at_once(self) -> None:
        self._end.set()
        self._end = asyncio.Event()
        self._wake()

    def upcoming(self) -> asyncio.Event:
        """Is set by the next announcement. Take it before you look, and no change falls between look and wait."""
        return self._event

    def upcoming_end(self) -> asyncio.Event:
        """Is set by the next ``announce_end``."""
        return self._end

    async def wait(self) -> None:
        await self._event.wait()
