"""One lane for each workspace that is open: its index, and the lock of its saves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from offizin.messages import Delta
from offizin.mets.index import MetsIndex
from offizin.mets.save import save
from offizin.mets.stamp import Stamp
from offizin.store import deltas, workspaces
from offizin.store.transaction import Database, Transaction

MOST_OPEN = 200

ReadMets = Callable[[Path], MetsIndex]
SaveMets = Callable[[Path, Sequence[Delta], Stamp], Stamp]


class Lane:
    """A workspace that is open: look-ups go to ``index`` (in the event loop's thread), saves to a thread."""

    def __init__(self, workspace: int, mets: Path, index: MetsIndex, save: SaveMets = save) -> None:
        self.workspace = workspace
        self.mets = mets
        self.index = index
        self._save = save
        self.in_flight = 0  # pieces whose deltas will come; a lane in use is not forgotten
        self._saving = asyncio.Lock()

    async def still_holds(self) -> bool:
        """Whether mets.xml is the file that we know. Raises OSError when it cannot be read."""
        async with self._saving:
            return await asyncio.to_thread(self.index.stamp.still_holds, self.mets)

    async def save(self, new: Sequence[Delta]) -> None:
        """Write the deltas into mets.xml. Raises MetsChanged when somebody else has written it meanwhile."""
        async with self._saving:
            self.index.stamp = await asyncio.to_thread(self._save, self.mets, new, self.index.stamp)


class Lanes:
    """Opens workspaces when they are needed and forgets those that were not used for long; they can be read again.

    ``read`` and ``save`` touch the file; the simulation has its own.
    """

    def __init__(self, database: Database, *, read: ReadMets = MetsIndex.read, save: SaveMets = save) -> None:
        self._database = database
        self._read_mets = read
        self._save_mets = save
        self._lanes: dict[Path, Lane] = {}
        self._opening: dict[Path, asyncio.Task[Lane]] = {}

    async def open(self, mets: Path, now: float) -> Lane:
        """The lane of the workspace whose METS has this absolute path. Raises MetsMissing, MetsInvalid."""
        lane = self._lanes.pop(mets, None)
        if lane is None:
            task = self._opening.get(mets)
            if task is None:
                task = self._opening[mets] = asyncio.create_task(self._read(mets, now))
                task.add_done_callback(lambda _: self._opening.pop(mets, None))
            lane = await asyncio.shield(task)
        self._lanes[mets] = lane
        if len(self._lanes) > MOST_OPEN:
            self._forget_one()
        return lane

    def _forget_one(self) -> None:
        idle = next((mets for mets, lane in self._lanes.items() if not lane.in_flight), None)
        if idle is not None:
            del self._lanes[idle]

    def at_hand(self, mets: Path) -> Lane | None:
        return self._lanes.get(mets)

    def close(self, mets: Path) -> None:
        """Forget it: the next look reads the file again."""
        self._lanes.pop(mets, None)

    async def _read(self, mets: Path, now: float) -> Lane:
        index = await asyncio.to_thread(self._read_mets, mets)

        def unsaved(tx: Transaction) -> tuple[int, list[Delta]]:
            workspace = workspaces.find_or_add(tx, str(mets), now)
            return workspace, deltas.of_workspace(tx, workspace)[1]

        workspace, waiting = await self._database.write(unsaved)
        for delta in waiting:
            index.apply(delta)
        return Lane(workspace, mets, index, self._save_mets)
