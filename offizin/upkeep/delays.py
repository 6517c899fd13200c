"""Tries that come later: each begins to wait for its turn when it is due."""

from __future__ import annotations

from collections.abc import Callable, Collection

from offizin.clock import Clock
from offizin.store import held
from offizin.store.transaction import Database
from offizin.upkeep.service import Periodic

# Tries that are released in one transaction.
AT_ONCE = 500


class Delays(Periodic):
    """Those of this ``server``. ``ready`` is called with the processors of what may begin now. To be woken when there
    are new ones."""

    def __init__(
        self, database: Database, clock: Clock, server: int, *, ready: Callable[[Collection[str]], None]
    ) -> None:
        super().__init__(clock)
        self._database = database
        self._server = server
        self._ready = ready

    async def work(self) -> float | None:
        due_at = await self._database.read(lambda tx: held.next_due(tx, self._server))
        if due_at is None:
            return None
        now = self._clock.now()
        if due_at > now:
            return due_at - now
        self._ready(await self._database.write(lambda tx: held.release_due(tx, now, AT_ONCE, self._server)))
        return 0.0
