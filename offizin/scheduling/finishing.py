"""What becomes of file groups when a run has ended well, as the ``finish`` lines of its workflow say.

What is taken out counts as made: the same workflow makes it again only when something that is needed has changed.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from offizin.clock import Clock
from offizin.faults import reach
from offizin.jobs import State
from offizin.messages import Delta, Dropped, File, FileState
from offizin.mets.orphans import orphans_of
from offizin.pages import resolve_pages
from offizin.scheduling.comparison import digest_of
from offizin.scheduling.fingerprints import fingerprints_after, looks_back, states_in
from offizin.scheduling.finish_lines import Finishes, finishes_of
from offizin.scheduling.lanes import Lane, Lanes
from offizin.scheduling.run_end import end_of_run
from offizin.store import deltas, fingerprints, runs
from offizin.store.fingerprints import Fingerprint, Place
from offizin.store.runs import RunRow
from offizin.store.transaction import Database, Transaction
from offizin.workspaces.unfinished_files import unfinished

log = logging.getLogger(__name__)

_Files = Mapping[Place, Sequence[File]]


class Finishing:
    """``finish`` may be called twice for a run: what is done already is not there any more."""

    def __init__(self, database: Database, lanes: Lanes, clock: Clock) -> None:
        self._database = database
        self._lanes = lanes
        self._clock = clock

    async def finish(self, run: RunRow) -> None:
        """Commit what changes in the METS; whoever calls this saves it. Raises what opening the METS raises."""
        if run.finish == "[]":
            return
        lane = await self._lanes.open(Path(run.mets), self._clock.now())
        wanted = await self._database.read(lambda tx: _wanted(tx, run))
        if wanted is None:
            return
        finishes, known, states = wanted
        delta = await asyncio.to_thread(_delta, lane, run, finishes, known, states, _files(lane, run, finishes))
        if delta is None:
            return
        await self._database.write(lambda tx: deltas.add(tx, [(run.workspace, [delta])]))
        reach("finish: after commit")
        lane.index.apply(delta)


def _wanted(tx: Transaction, run: RunRow) -> tuple[Finishes, dict[Place, Fingerprint], dict[str, FileState]] | None:
    """What is to be done, how the files were made, and what they were when they were read last. None where the run has
    not ended well."""
    if end_of_run(tx, run.seq) is not State.SUCCESS:
        return None
    made = [group for step in runs.steps_of(tx, run.seq) for group in step.output_file_grps]
    finishes = finishes_of(run.finish, made)
    read_by_others = {group for other, step in runs.live_steps(tx, run.workspace) if other != run.seq
                      for group in (*step.input_file_grps, *step.output_file_grps)}  # fmt: skip
    if spared := read_by_others.intersection(finishes.groups):
        log.warning("run %s leaves %s as they are: other runs work with them", run.id, ", ".join(sorted(spared)))
        finishes = finishes.without(spared)
    waiting = deltas.of_workspace(tx, run.workspace)[1]
    before = fingerprints.of_groups(tx, run.workspace, finishes.touched | looks_back(waiting))
    after = before | fingerprints_after(waiting, before)
    known = {place: each for place, each in after.items() if each is not None}
    return finishes, known, fingerprints.digests(tx, run.workspace) | states_in(waiting)


def _files(lane: Lane, run: RunRow, finishes: Finishes) -> dict[Place, Sequence[File]]:
    """All that is in the groups, of the pages of the run."""
    index = lane.index
    pages: list[str | None] = [*resolve_pages(run.page_selector or None, index.pages)]
    if not run.page_selector:
        pages.append(None)
    return {
        (group, page or ""): found
        for group in finishes.touched
        for page in pages
        if (found := index.files(group, page))
    }


def _delta(
    lane: Lane,
    run: RunRow,
    finishes: Finishes,
    known: Mapping[Place, Fingerprint],
    states: Mapping[str, FileState],
    files: _Files,
) -> Delta | None:
    """Blocking: looks at the files, and gives those that are renamed their new names beside the old ones."""
    directory = lane.index.directory
    gone: list[Place] = []
    orphaned: list[File] = []
    dropped: list[Dropped] = []
    new_files: list[File] = []
    replaced: list[tuple[str, str | None]] = []
    renamed = dict(finishes.renamed)
    for (group, page), listed in files.items():
        ours = (group, page) in known
        if group in finishes.dropped or (group in finishes.not_kept and ours):
            pass
        elif group in renamed and page:
            target = (renamed[group], page)
            if target in files and _is_changed(directory, files[target], known.get(target), states):
                continue  # somebody has corrected it: it stays, and so does what would take its place
            new_files += [_under_new_name(directory, file, group, renamed[group]) for file in listed]
            if target in files:
                replaced.append(target)
                orphaned += files[target]
        else:
            continue
        gone.append((group, page))
        if ours:
            orphaned += listed
            dropped.append(Dropped(group, page, _as_they_are(directory, listed, states)))
    if not gone:
        return None
    return Delta(
        files=new_files,
        overwrite=True,
        empties=[(group, page or None) for group, page in gone],
        orphans=orphans_of(directory, orphaned, new_files),
        ends_groups=sorted({group for group, _ in gone}),
        run=run.seq,
        replaced=replaced,
        dropped=dropped,
    )


def _as_they_are(directory: Path, files: Sequence[File], states: Mapping[str, FileState]) -> list[tuple[str, str]]:
    found = []
    for file in files:
        state = digest_of(str(directory), file.local_filename, states) if file.local_filename else None
        found.append((file.mimetype, (file.url or "") if state is None else state.digest))
    return found


def _is_changed(
    directory: Path, files: Sequence[File], made: Fingerprint | None, states: Mapping[str, FileState]
) -> bool:
    return made is None or sorted(_as_they_are(directory, files, states)) != sorted(made.outputs)


def _under_new_name(directory: Path, file: File, old: str, new: str) -> File:
    """ID and path begin with the new name where they began with the old one. Images stay where they lie: PAGE names
    them by their paths."""
    file_id = new + file.id.removeprefix(old) if file.id.startswith(old) else f"{new}_{file.id}"
    path = file.local_filename
    state = digest_of(str(directory), path, {}) if path else None
    if path and path.startswith(f"{old}/") and state is not None and not file.mimetype.startswith("image/"):
        name = path.removeprefix(f"{old}/")
        path = f"{new}/{new + name.removeprefix(old) if name.startswith(old) else name}"
        _link(directory / str(file.local_filename), directory / path)
        state = digest_of(str(directory), path, {})
    renamed = File(file_id, new, file.mimetype, file.page_id, path, file.url)
    if state is None:
        return renamed
    return replace(renamed, size=state.size, digest=state.digest, changed_at=state.changed_at, inode=state.inode)


def _link(old: Path, new: Path) -> None:
    """The same content under both names, until the old one is deleted."""
    new.parent.mkdir(parents=True, exist_ok=True)
    temporary = unfinished(new)
    with suppress(FileNotFoundError):
        temporary.unlink()
    try:
        temporary.hardlink_to(old)
    except OSError:  # a file system without links
        shutil.copy2(old, temporary)
    temporary.replace(new)
