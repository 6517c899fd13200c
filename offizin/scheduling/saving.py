"""Bringing mets.xml up to date with what the database holds for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from offizin.clock import Clock
from offizin.messages import Agent, Delta
from offizin.scheduling.lanes import Lanes
from offizin.store import deltas
from offizin.store.transaction import Database, Transaction
from offizin.timings import Timings


class Saving:
    """One save at a time for each workspace. ``cost`` remembers how long the last one took, in seconds."""

    def __init__(self, database: Database, lanes: Lanes, clock: Clock, timings: Timings) -> None:
        self.cost: dict[int, float] = {}
        self.saved_at: dict[int, float] = {}
        self._database = database
        self._lanes = lanes
        self._clock = clock
        self._timings = timings
        self._locks: dict[int, asyncio.Lock] = {}

    async def save(
        self, workspace: int, mets: Path, agents: Callable[[Transaction], Sequence[Agent]] = lambda _: ()
    ) -> int:
        """Write all deltas of the workspace, and the agents (read in the same transaction), into its METS.

        The number of the last delta that is in the file now: who ends runs deletes up to it in the same transaction.
        Raises MetsChanged, MetsMissing, MetsInvalid, OSError; then the deltas stay.
        """
        async with self._locks.setdefault(workspace, asyncio.Lock()):
            with self._timings.measure("METS save"):
                start = self._clock.monotonic()
                (last, waiting), found = await self._database.read(
                    lambda tx: (deltas.of_workspace(tx, workspace), agents(tx))
                )
                if found:
                    waiting.append(Delta(agents=list(found)))
                if waiting:
                    lane = await self._lanes.open(mets, self._clock.now())
                    await lane.save(waiting)
                    if orphans := [orphan for delta in waiting for orphan in delta.orphans]:
                        await lane.delete_orphans(orphans)
                now = self._clock.monotonic()
                self.cost[workspace], self.saved_at[workspace] = now - start, now
            return last
