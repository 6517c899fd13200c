"""Bringing mets.xml up to date with what the database holds for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from offizin.clock import Clock
from offizin.messages import Agent, Delta
from offizin.scheduling.fingerprints import fingerprints_after, looks_back, states_in
from offizin.scheduling.lanes import Lanes
from offizin.store import deltas, fingerprints
from offizin.store.transaction import Database, Transaction
from offizin.timings import Timings


@dataclass(frozen=True, slots=True)
class Saved:
    """What is in the file now: all ``deltas`` of the workspace up to number ``last``."""

    workspace: int
    last: int
    deltas: Sequence[Delta]

    def note(self, tx: Transaction) -> None:
        """They need not be held any longer; what they say of how files were made is kept."""
        deltas.saved(tx, self.workspace, self.last)
        before = fingerprints.of_groups(tx, self.workspace, looks_back(self.deltas))
        after = fingerprints_after(self.deltas, before)
        fingerprints.put(tx, self.workspace, {place: each for place, each in after.items() if each is not None})
        fingerprints.forget(tx, self.workspace, [place for place, each in after.items() if each is None])
        fingerprints.put_digests(tx, self.workspace, states_in(self.deltas).values())


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
    ) -> Saved:
        """Write all deltas of the workspace, and the agents (read in the same transaction), into its METS.

        Who ends runs notes what was saved in the same transaction.
        Raises MetsChanged, MetsMissing, MetsInvalid, OSError; then the deltas stay.
        """
        async with self._locks.setdefault(workspace, asyncio.Lock()):
            with self._timings.measure("METS save"):
                start = self._clock.monotonic()
                (last, waiting), found = await self._database.read(
                    lambda tx: (deltas.of_workspace(tx, workspace), agents(tx))
                )
                whole = [*waiting, Delta(agents=list(found))] if found else waiting
                if whole:
                    lane = await self._lanes.open(mets, self._clock.now())
                    await lane.save(whole)
                    if orphans := [orphan for delta in waiting for orphan in delta.orphans]:
                        ended = {group for delta in waiting for group in delta.ends_groups}
                        await lane.delete_orphans(orphans, and_directories=bool(ended))
                now = self._clock.monotonic()
                self.cost[workspace], self.saved_at[workspace] = now - start, now
            return Saved(workspace, last, waiting)
