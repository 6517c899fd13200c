"""Pausing: what is paused gets no new work, on all servers, until it is resumed; also after a restart."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping

from offizin.clock import Clock
from offizin.errors import Unavailable
from offizin.scheduling.breaker import Place, Step
from offizin.store import pauses
from offizin.store.pauses import PauseKind, PauseRow, place_name, place_of, step_name, step_of
from offizin.store.transaction import Database
from offizin.upkeep.service import Periodic

log = logging.getLogger(__name__)

# So often it is looked for what another server was told, and workers that do not obey are told again, in seconds.
EVERY = 2.0
# Before another look when the database could not be read, in seconds.
PAUSE = 1.0


class Pauses(Periodic):
    """``apply(processors, hosts, places)`` is given all that is paused, again and again unless this server is ``alone``
    with slots of its own; ``look_everywhere`` is awaited when something was resumed; ``told`` is called with the steps
    and places that are paused since the last look, with the causes, and those that are no more. ``here``: the host of
    the slots that this server has itself."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        apply: Callable[[Collection[str], Collection[str], Collection[Place]], None],
        look_everywhere: Callable[[], Awaitable[None]],
        told: Callable[[Mapping[Step | Place, str], Collection[Step | Place]], None],
        here: str = "",
        alone: bool,
    ) -> None:
        super().__init__(clock)
        self.rows: list[PauseRow] = []
        self._database = database
        self._apply = apply
        self._look_everywhere = look_everywhere
        self._told = told
        self._here = here
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
        """From now on; what is paused already stays so. Raises Unavailable when it cannot be written."""
        now = self._clock.now()
        await self._database.write(lambda tx: pauses.add(tx, kind, name, now), synced=True)
        await self.look_at_last()

    async def resume(self, kind: PauseKind, name: str) -> bool:
        """Whether it was paused. Raises Unavailable when it cannot be written."""
        was_paused = await self._database.write(lambda tx: pauses.remove(tx, kind, name), synced=True)
        await self.look_at_last()
        return was_paused

    @property
    def processors(self) -> Collection[str]:
        """Those that are paused."""
        return {row.name for row in self.rows if row.kind is PauseKind.PROCESSOR}

    def is_paused(self, kind: PauseKind, name: str) -> bool:
        return any((row.kind, row.name) == (kind, name) for row in self.rows)

    def of_step(self, run_id: str, step: int, processor: str) -> PauseRow | None:
        """How it is paused (``step`` from 0), if it is, or its processor ``here``."""
        names = {
            PauseKind.STEP: step_name(run_id, step),
            PauseKind.HOST_AND_PROCESSOR: place_name(self._here, processor),
        }
        return next((row for row in self.rows if names.get(row.kind) == row.name), None)

    async def look_at_last(self) -> None:
        """After something was written down, which has its consequences also when the database cannot be read just
        then."""
        while True:
            try:
                return await self.look()
            except Unavailable as error:
                log.warning("what is paused is looked up again in %g s: %s", PAUSE, error)
                await self._clock.sleep(PAUSE)

    async def look(self) -> None:
        """See what is paused now, and do accordingly. Raises Unavailable."""
        async with self._turn:
            before, self.rows = self.rows, await self._database.read(pauses.all_of_them)
            hosts = {row.name for row in self.rows if row.kind is PauseKind.HOST}
            places = [place for place in map(_watched, self.rows) if isinstance(place, Place)]
            self._apply(self.processors, hosts, places)
            gone, new = set(before) - set(self.rows), set(self.rows) - set(before)
            self._told(_all_watched(new), _all_watched(gone))
        if gone:
            await self._look_everywhere()


def _watched(row: PauseRow) -> Step | Place | None:
    """What the breaker counts failures of."""
    if row.kind is PauseKind.STEP and (step := step_of(row.name)) is not None:
        return Step(*step)
    return Place(*place_of(row.name)) if row.kind is PauseKind.HOST_AND_PROCESSOR else None


def _all_watched(rows: Collection[PauseRow]) -> dict[Step | Place, str]:
    return {watched: row.cause for row in rows if (watched := _watched(row)) is not None}
