"""Undoing a run: what it has made goes out of the METS, and then from disk.

It becomes a delta like any other: committed first, then saved. If that is cut short, the next save completes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from offizin.clock import Clock
from offizin.errors import Conflict
from offizin.faults import reach
from offizin.messages import Delta, File, FileState
from offizin.mets.orphans import orphans_of
from offizin.scheduling.agents import ids_begin_with
from offizin.scheduling.comparison import digest_of
from offizin.scheduling.lanes import Lane, Lanes
from offizin.scheduling.ownership import Moved, Ownership
from offizin.scheduling.saving import Saving
from offizin.scheduling.to_the_end import to_the_end
from offizin.store import deltas, events, fingerprints, runs
from offizin.store.events import Change
from offizin.store.fingerprints import Fingerprint, Place
from offizin.store.runs import RunRow
from offizin.store.transaction import Database, Transaction

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Undone:
    """How many files are gone, and of which file groups nothing is left."""

    files: int
    file_grps: tuple[str, ...]


class Undoing:
    """``changed`` is called after the commit."""

    def __init__(
        self,
        database: Database,
        ownership: Ownership,
        lanes: Lanes,
        saving: Saving,
        clock: Clock,
        *,
        changed: Callable[[], None],
    ) -> None:
        self._database = database
        self._ownership = ownership
        self._lanes = lanes
        self._saving = saving
        self._clock = clock
        self._changed = changed

    async def undo(self, run: RunRow, *, even_changed: bool = False) -> Undone:
        """``even_changed``: also what somebody has changed by hand since.

        Raises Conflict, with what is in the way: what a later run has read, runs under way, what cannot be brought
        back, what was changed by hand; MetsChanged when somebody else writes the METS meanwhile; OwnedElsewhere.
        """
        while True:
            try:
                return await to_the_end(self._undo(run, even_changed=even_changed))
            except Moved:
                continue

    async def _undo(self, run: RunRow, *, even_changed: bool) -> Undone:
        mets, now = Path(run.mets), self._clock.now()
        await self._lanes.refresh(mets, now)
        lane = await self._lanes.open(mets, now)
        made, states = await self._database.read(
            lambda tx: (
                what_can_be_undone(tx, run),
                fingerprints.digests(tx, run.workspace),
            )
        )
        files = {place: list(lane.index.files(place[0], place[1] or None)) for place in made}
        if not even_changed:
            changed = await asyncio.to_thread(_changed_by_hand, str(lane.index.directory), made, files, states)
            if changed:
                raise Conflict(
                    f"files that run {run.id} has made were changed by hand since: {_some(changed)}",
                    advice="Put them aside first; or undo it with --force, and they are gone.",
                )
        delta = await asyncio.to_thread(_delta, lane, run, files)

        def write(tx: Transaction) -> None:
            self._ownership.take(tx, run.workspace, known=lane.epoch)
            if what_can_be_undone(tx, run).keys() != made.keys():
                raise Moved  # retried meanwhile
            runs.undone(tx, run.seq, now)
            deltas.add(tx, [(run.workspace, [delta])])
            events.add(tx, [Change(run.id, run.state, message="undone")], now)

        await self._database.write(write, synced=True)
        reach("undo: after commit")
        lane.index.apply(delta)
        self._changed()
        saved = await self._saving.save(run.workspace, mets)
        await self._database.write(saved.note)
        gone = tuple(group for group in delta.ends_groups if group not in lane.index.file_groups)
        return Undone(sum(len(each) for each in files.values()), gone)


def what_can_be_undone(tx: Transaction, run: RunRow) -> dict[Place, Fingerprint]:
    """All that the run has made and that nobody has made anew since. Raises Conflict."""
    now = runs.by_seq(tx, run.seq)
    if now.undone_at is not None:
        raise Conflict(f"run {run.id} is undone already", advice="There is nothing to undo.")
    if runs.live_steps(tx, run.workspace):
        raise Conflict(
            f"runs are under way on {run.mets}", advice="Wait for their end, or cancel them (`offizin cancel`)."
        )
    if deltas.of_workspace(tx, run.workspace)[1]:
        raise Conflict(
            f"results wait to be saved into {run.mets}", advice="Retry the run that could not save them, then undo."
        )
    made = fingerprints.made_by(tx, run.workspace, run.seq)
    groups = {group for group, _ in made}
    for later, inputs in runs.later_inputs(tx, run.workspace, run.seq):
        if read := groups.intersection(inputs):
            raise Conflict(
                f"run {later} has read what run {run.id} has made: {_some(sorted(read))}",
                advice=f"Undo that run first: offizin undo {later}",
            )
    if lost := sorted({page for (_, page), each in made.items() if each.replaced}):
        raise Conflict(
            f"run {run.id} has replaced files that were there before, and they are gone: {_some(lost)}",
            advice="It cannot be undone. Run the workflow that had made them once more.",
        )
    if lost := runs.dropped_of_others(tx, now):
        raise Conflict(
            f"run {run.id} has taken out files that it had not made, at its end: {_some(lost)}",
            advice="It cannot be undone. Run the workflow that had made them once more.",
        )
    return made


def _delta(lane: Lane, run: RunRow, files: dict[Place, list[File]]) -> Delta:
    """Blocking: looks at the files."""
    gone = [file for each in files.values() for file in each]
    return Delta(
        overwrite=True,
        empties=[(group, page or None) for group, page in files],
        orphans=orphans_of(lane.index.directory, gone, []),
        ends_groups=sorted({group for group, _ in files}),
        ends_agents=[ids_begin_with(run)],
    )


def _changed_by_hand(
    directory: str,
    made: dict[Place, Fingerprint],
    files: dict[Place, list[File]],
    states: dict[str, FileState],
) -> list[str]:
    """Blocking. What is not there, or was never known, has not been changed."""
    found: list[str] = []
    for place, each in made.items():
        then = {digest for _, digest in each.outputs}
        for file in files[place]:
            if file.local_filename and "" not in then:
                state = digest_of(directory, file.local_filename, states)
                if state is not None and state.digest not in then:
                    found.append(file.local_filename)
    return found


def _some(names: Sequence[str] | Collection[str]) -> str:
    listed = [name or "files without page" for name in names]
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return ", ".join(listed[:SHOWN]) + more
