"""Forgetting what nobody needs any more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from offizin.clock import Clock
from offizin.store import events, held_files
from offizin.store.transaction import Database
from offizin.upkeep.service import Periodic

HOUR = 3600.0


class Cleaning(Periodic):
    """Events are kept for ``keep`` seconds; files held for attempts, as long as their jobs are not over.
    ``clear_up`` sees to what was left half done on the disk."""

    def __init__(
        self, database: Database, clock: Clock, clear_up: Callable[[], Awaitable[None]], keep: float = 24 * HOUR
    ) -> None:
        super().__init__(clock)
        self._database = database
        self._clear_up = clear_up
        self._keep = keep

    async def work(self) -> float | None:
        before = self._clock.now() - self._keep
        await self._database.write(lambda tx: events.forget_before(tx, before))
        await self._database.write(held_files.forget_over)
        await self._clear_up()
        return HOUR
