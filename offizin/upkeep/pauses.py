"""Pausing: what is paused gets no new work, on all servers, until it is resumed; also after a restart."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping

from offizin.clock import Clock
from offizin.errors import Unavailable
from offizin.scheduling.breaker import Step
from offizin.store import pauses
from offizin.store.pauses import PauseKind, PauseRow, step_name, step_of
from offizin.store.transaction import Database
from offizin.upkeep.service import Periodic

log = logging.getLogger(__name__)

# So often it is looked for what another server was told, and workers that do not obey are told again, in seconds.
EVERY = 2.0


class Pauses(Periodic):
    """``apply(processors, hosts)`` is given all that is paused, again and again unless this server is ``alone`` with
    slots of its own; ``look_everywhere`` is awaited when something was resumed; ``steps`` is told of the steps that are
    paused since the last look, with the causes, and of those that are no more."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        apply: Callable[[Collection[str], Collection[str]], None],
        look_everywhere: Callable[[], Awaitable[None]],
        steps: Callable[[Mapping[Step, str], Collection[Step]], None],
        alone: bool,
    ) -> None:
        super().__init__(clock)
        self.rows: list[PauseRow] = []
        self._database = database
        self._apply = apply
        self._look_everywhere = look_everywhere
        self._steps = steps
        self._alone = alone
        self._turn = asyncio.Lock()  # what was read first is applied first

    async def start(self) -> None:
        """Before anything is dispatched."""
        await self.look()
        await super().start()

    async def work(self) -> float | None:
        try:
            await self.look()
        except Unavailable as error:
            log.warning("what is paused cannot be looked up now: %s", error)
            return EVERY
        return None if self._alone else EVERY

    async def pause(self, kind: PauseKind, name: str) -> None:
        """From now on; what is paused already stays so. Raises Unavailable."""
        now = self._clock.now()
        await self._database.write(lambda tx: pauses.add(tx, kind, name, now), synced=True)
        await self.look()

    async def resume(self, kind: PauseKind, name: str) -> bool:
        """Whether it was paused. Raises Unavailable."""
        was_paused = await self._database.write(lambda tx: pauses.remove(tx, kind, name), synced=True)
        await self.look()
        return was_paused

    @property
    def processors(self) -> Collection[str]:
        """Those that are paused."""
        return {row.name for row in self.rows if row.kind is PauseKind.PROCESSOR}

    def is_paused(self, kind: PauseKind, name: str) -> bool:
        return any((row.kind, row.name) == (kind, name) for row in self.rows)

    def step(self, run_id: str, step: int) -> PauseRow | None:
        """How it is paused, if it is (``step`` from 0)."""
        name = step_name(run_id, step)
        return next((row for row in self.rows if row.kind is PauseKind.STEP and row.name == name), None)

    async def look(self) -> None:
        """See what is paused now, and do accordingly. Raises Unavailable."""
        async with self._turn:
            before, self.rows = self.rows, await self._database.read(pauses.all_of_them)
            self._apply(self.processors, {row.name for row in self.rows if row.kind is PauseKind.HOST})
            gone, new = set(before) - set(self.rows), set(self.rows) - set(before)
            self._steps(_steps(new), _steps(gone))
        if gone:
            await self._look_everywhere()


def _steps(rows: Collection[PauseRow]) -> dict[Step, str]:
    found = [(step_of(row.name), row.cause) for row in rows if row.kind is PauseKind.STEP]
    return {step: cause for step, cause in found if step is not None}
