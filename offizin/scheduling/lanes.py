"""One lane for each workspace that is open: its index, and the lock of its saves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from offizin.errors import OffizinError, Unavailable
from offizin.messages import Delta, Orphan
from offizin.mets.index import MetsIndex
from offizin.mets.leftovers import clear_leftovers
from offizin.mets.orphans import delete_empty_directories, delete_orphans, listed_paths
from offizin.mets.save import save
from offizin.mets.stamp import Stamp
from offizin.scheduling.ownership import Ownership
from offizin.store import deltas, workspaces
from offizin.store.transaction import Database, Transaction
from offizin.trust.references import References

log = logging.getLogger(__name__)

# METS that are open though nothing of them is under way: so many, with so many pages and files together (some 100 MB).
MOST_OPEN = 200
MOST_ENTRIES = 200_000

ReadMets = Callable[[Path], MetsIndex]
SaveMets = Callable[[Path, Sequence[Delta], Stamp], Stamp]


def read(mets: Path) -> MetsIndex:
    """The METS as it is on disk, once what killed saves have left beside it is cleared up."""
    clear_leftovers(mets.resolve())
    return MetsIndex.read(mets)


def checked(read: ReadMets, references: References) -> ReadMets:
    """``read``, and then PathForbidden or UrlForbidden for a METS that names files or hosts which may not be had."""
    if references.all_allowed:
        return read

    def read_checked(mets: Path) -> MetsIndex:
        index = read(mets)
        for file in index.by_arrival():
            references.check(index.directory, file.local_filename, file.url)
        return index

    return read_checked


class Lane:
    """A workspace that is open: look-ups go to ``index`` (in the event loop's thread), saves to a thread.

    ``in_flight`` counts the pieces whose deltas will come: a lane in use is not forgotten, or they would go into one
    index and the next look into another.
    """

    def __init__(self, workspace: int, epoch: int, mets: Path, index: MetsIndex, save: SaveMets = save) -> None:
        self.workspace = workspace
        self.epoch = epoch  # in which the index holds good
        self.mets = mets
        self.index = index
        self._save = save
        self.in_flight = 0
        self.touching = asyncio.Lock()  # of the file

    @property
    def in_use(self) -> bool:
        return self.in_flight > 0 or self.touching.locked()

    async def still_holds(self) -> bool:
        """Whether mets.xml is the file that we know. Raises OSError when it cannot be read."""
        async with self.touching:
            return await asyncio.to_thread(self.index.stamp.still_holds, self.mets)

    async def save(self, new: Sequence[Delta]) -> None:
        """Write the deltas into mets.xml. Raises MetsChanged when somebody else has written it meanwhile."""
        async with self.touching:
            self.index.stamp = await asyncio.to_thread(self._save, self.mets, new, self.index.stamp)

    async def delete_orphans(self, orphans: Sequence[Orphan], *, and_directories: bool = False) -> None:
        """What the saved METS lists no more, and nothing that has been added to it since; ``and_directories`` in which
        nothing is left then."""
        listed = listed_paths(self.index.by_arrival())
        async with self.touching:
            deleted = await asyncio.to_thread(delete_orphans, self.index.directory, orphans, listed)
            if and_directories:
                await asyncio.to_thread(delete_empty_directories, self.index.directory, deleted)
        log.info("%s: %d files were not made again, and are deleted", self.mets, len(deleted))


class Lanes:
    """Opens workspaces when they are needed and forgets those that were not used for long; they can be read again.
    Whoever opens one owns it.

    ``read`` and ``save`` touch the file; the simulation has its own.
    """

    def __init__(
        self,
        database: Database,
        ownership: Ownership,
        new_id: Callable[[], str],
        *,
        read: ReadMets = read,
        save: SaveMets = save,
    ) -> None:
        self._database = database
        self._ownership = ownership
        self._new_id = new_id
        self._read_mets = read
        self._save_mets = save
        self._lanes: dict[Path, Lane] = {}
        self._opening: dict[Path, asyncio.Task[Lane]] = {}

    async def open(self, mets: Path, now: float) -> Lane:
        """The lane of the workspace whose METS has this absolute path. Raises MetsMissing, MetsInvalid, and
        OwnedElsewhere unless it is open already."""
        lane = self._lanes.pop(mets, None)
        if lane is not None:
            self._lanes[mets] = lane  # the one used last stands last
            return lane
        task = self._opening.get(mets)
        if task is None:
            task = self._opening[mets] = asyncio.create_task(self._read(mets, now))
            task.add_done_callback(lambda _: self._opening.pop(mets, None))
        opened = await asyncio.shield(task)
        return self._lanes.setdefault(mets, opened)  # it may have been forgotten again meanwhile

    @property
    def how_many(self) -> int:
        """That are open."""
        return len(self._lanes)

    def at_hand(self, mets: Path) -> Lane | None:
        return self._lanes.get(mets)

    def forget(self, which: Iterable[Path]) -> None:
        """Another server has had them: when they are opened again they are read anew."""
        for mets in which:
            self._lanes.pop(mets, None)

    async def reread(self, mets: Path, now: float) -> None:
        """Somebody else has changed the file: look at it anew. The pieces that are out keep their lane, with what is
        there now; if that cannot be read, with what was there before, and the next save says what is wrong."""
        lane = self._lanes.get(mets)
        if lane is None:
            return
        if not lane.in_use:
            del self._lanes[mets]
            return
        async with lane.touching:
            try:
                await self._read(mets, now, lane)
            except Unavailable:
                raise
            except OffizinError as error:
                log.warning("%s", error)

    async def refresh(self, mets: Path, now: float) -> None:
        """As ``reread``, unless the file is still the one that we know, and has been ours all the time."""
        lane = self._lanes.get(mets)
        if lane is None:
            return
        workspace, epoch = lane.workspace, lane.epoch
        try:
            if await lane.still_holds() and await self._database.read(
                lambda tx: self._ownership.holds(tx, workspace, epoch)
            ):
                return
        except OSError:
            pass  # whoever needs it will say what is wrong
        await self.reread(mets, now)

    async def _read(self, mets: Path, now: float, lane: Lane | None = None) -> Lane:
        """Into ``lane``, if there is one."""
        index = await asyncio.to_thread(self._read_mets, mets)
        new_id = self._new_id()

        def unsaved(tx: Transaction) -> tuple[int, int, list[Delta]]:
            workspace = workspaces.find_or_add(tx, str(mets), now, new_id, self._ownership.server)
            epoch = self._ownership.take(tx, workspace)
            return workspace, epoch, deltas.of_workspace(tx, workspace)[1]

        # A writing transaction: what is committed after it is applied to this index and not to one before.
        workspace, epoch, waiting = await self._database.write(unsaved)
        for delta in waiting:
            index.apply(delta)
        if lane is None:
            lane = Lane(workspace, epoch, mets, index, self._save_mets)
            self._lanes[mets] = lane
            self._forget_some(besides=mets)
        else:
            lane.index, lane.epoch = index, epoch
        return lane

    def _forget_some(self, *, besides: Path) -> None:
        """If there are too many: those that were not used for longest."""
        entries = sum(len(lane.index) for lane in self._lanes.values())
        for mets, lane in list(self._lanes.items()):
            if len(self._lanes) <= MOST_OPEN and entries <= MOST_ENTRIES:
                return
            if not lane.in_use and mets != besides:
                del self._lanes[mets]
                entries -= len(lane.index)
