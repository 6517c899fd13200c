"""Pausing: what is paused gets no new work, on all servers, until it is resumed; also after a restart."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection

from offizin.clock import Clock
from offizin.errors import Unavailable
from offizin.store import pauses
from offizin.store.pauses import PauseKind, PauseRow
from offizin.store.transaction import Database
from offizin.upkeep.service import Periodic

log = logging.getLogger(__name__)

# So often it is looked for what another server was told, and workers that do not obey are told again, in seconds.
EVERY = 2.0


class Pauses(Periodic):
    """``apply(processors, hosts)`` is given all that is paused, again and again unless this server is ``alone`` with
    slots of its own; ``look_everywhere`` is awaited when something was resumed."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        apply: Callable[[Collection[str], Collection[str]], None],
        look_everywhere: Callable[[], Awaitable[None]],
        alone: bool,
    ) -> None:
        super().__init__(clock)
        self.rows: list[PauseRow] = []
        self._database = database
        self._apply = apply
        self._look_everywhere = look_everywhere
        self._alone = alone
        self._turn = asyncio.Lock()  # what was read first is applied first

    async def start(self) -> None:
        """Before anything is dispatched."""
        await self._look()
        await super().start()

    async def work(self) -> float | None:
        if self._alone:
            return None
        try:
            await self._look()
        except Unavailable as error:
            log.warning("what is paused cannot be looked up now: %s", error)
        return EVERY

    async def pause(self, kind: PauseKind, name: str) -> None:
        """From now on; what is paused already stays so. Raises Unavailable."""
        now = self._clock.now()
        await self._database.write(lambda tx: pauses.add(tx, kind, name, now), synced=True)
        await self._look()

    async def resume(self, kind: PauseKind, name: str) -> bool:
        """Whether it was paused. Raises Unavailable."""
        was_paused = await self._database.write(lambda tx: pauses.remove(tx, kind, name), synced=True)
        await self._look()
        return was_paused

    @property
    def processors(self) -> Collection[str]:
        """Those that are paused."""
        return {row.name for row in self.rows if row.kind is PauseKind.PROCESSOR}

    def is_paused(self, kind: PauseKind, name: str) -> bool:
        return any((row.kind, row.name) == (kind, name) for row in self.rows)

    async def _look(self) -> None:
        async with self._turn:
            before, self.rows = self.rows, await self._database.read(pauses.all_of_them)
            self._apply(self.processors, {row.name for row in self.rows if row.kind is PauseKind.HOST})
        if {(row.kind, row.name) for row in before} - {(row.kind, row.name) for row in self.rows}:
            await self._look_everywhere()
