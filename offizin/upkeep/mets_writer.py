"""Saving METS files in the middle of long runs, so that the file on disk is never far behind."""

from __future__ import annotations

import logging
from pathlib import Path

from offizin.clock import Clock
from offizin.errors import OffizinError
from offizin.scheduling.saving import Saving
from offizin.store import deltas, workspaces
from offizin.store.transaction import Database
from offizin.upkeep.service import Periodic

log = logging.getLogger(__name__)

# A save may take at most this part of the time.
SHARE = 1 / 20


class MetsWriter(Periodic):
    """Of the workspaces of this ``server``. ``interval``: the shortest time between two saves of a METS, in seconds."""

    def __init__(self, database: Database, saving: Saving, clock: Clock, interval: float, server: int) -> None:
        super().__init__(clock)
        self._database = database
        self._saving = saving
        self._interval = interval
        self._server = server

    async def work(self) -> float | None:
        for workspace, _ in await self._database.read(lambda tx: deltas.workspaces_with_unsaved(tx, self._server)):
            pause = max(self._interval, self._saving.cost.get(workspace, 0.0) / SHARE)
            # The first sight of a workspace starts its clock: short runs save once, at their end.
            last = self._saving.saved_at.setdefault(workspace, self._clock.monotonic())
            if self._clock.monotonic() - last >= pause:
                await self._save(workspace)
        return self._interval / 4

    async def _save(self, workspace: int) -> None:
        mets = await self._database.read(lambda tx: workspaces.mets_path(tx, workspace))
        try:
            saved = await self._saving.save(workspace, Path(mets))
        except (OffizinError, OSError) as error:
            # The end of the run will say so aloud.
            log.warning("%s is not saved: %s", mets, error)
            self._saving.saved_at[workspace] = self._clock.monotonic()
            return
        await self._database.write(saved.note)
