"""Writing down what METS servers take, before it is answered: all that waits goes into one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from offizin.errors import Conflict, OffizinError
from offizin.messages import Delta
from offizin.scheduling.lanes import Lane
from offizin.scheduling.live_additions import Place
from offizin.scheduling.ownership import Moved, Ownership
from offizin.store import deltas, held_files, jobs, pieces, runs
from offizin.store.held_files import HeldFile
from offizin.store.transaction import Database, Transaction

# So many in one transaction.
MOST = 500


@dataclass(slots=True)
class Addition:
    """One of ``held``, for a live attempt, and ``delta``, by hand: what is made of the METS as it is once everything
    before it is in the index. ``places`` are those that the delta changes; ``alone``: it replaces what is there."""

    lane: Lane
    held: HeldFile | None = None
    delta: Callable[[], Delta] | None = None
    places: Collection[Place] = ()
    alone: bool = False
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class AdditionWrite:
    """A delta is in the index of its lane when ``write`` returns."""

    def __init__(self, database: Database, ownership: Ownership) -> None:
        self._database = database
        self._ownership = ownership
        self._waiting: list[Addition] = []
        self._writing: asyncio.Task[None] | None = None

    async def write(self, addition: Addition) -> None:
        """Raises Conflict for a place that a live job is to write, OwnedElsewhere, Moved, Unavailable."""
        self._waiting.append(addition)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all(), name="additions")
        await addition.done

    async def stop(self) -> None:
        """What has come is written."""
        if self._writing is not None:
            await asyncio.gather(self._writing, return_exceptions=True)

    async def _write_all(self) -> None:
        while self._waiting:
            batch = self._next()
            made = [(each, each.delta() if each.delta is not None else None) for each in batch]
            try:
                refused = await self._database.write(
                    lambda tx, made=made: _write(tx, self._ownership, made),  # type: ignore[misc]
                    synced=any(delta is not None for _, delta in made),
                )
            except Exception as error:
                refused = dict.fromkeys(range(len(made)), error)
            for at, (addition, delta) in enumerate(made):
                if (why := refused.get(at)) is not None:
                    addition.done.set_exception(why)
                    continue
                if delta is not None:
                    addition.lane.index.apply(delta)
                addition.done.set_result(None)

    def _next(self) -> list[Addition]:
        """One that replaces is made of what those before it have left, so it goes alone."""
        size = next((at for at, each in enumerate(self._waiting) if each.alone), len(self._waiting))
        size = min(max(size, 1), MOST)
        batch, self._waiting = self._waiting[:size], self._waiting[size:]
        return batch


def _write(
    tx: Transaction, ownership: Ownership, made: Sequence[tuple[Addition, Delta | None]]
) -> dict[int, Exception]:
    """What was not written, and why, by its number."""
    refused: dict[int, Exception] = {}
    lanes = {addition.lane.workspace: addition.lane for addition, delta in made if delta is not None}
    for workspace, lane in lanes.items():
        mine = {at: each for at, each in enumerate(made) if each[1] is not None and each[0].lane is lane}
        try:
            ownership.take(tx, workspace, known=lane.epoch)
        except (Moved, OffizinError) as error:
            refused.update(dict.fromkeys(mine, error))
            continue
        taken = reserved(tx, workspace, {place for addition, _ in mine.values() for place in addition.places})
        for at, (addition, _) in mine.items():
            for place in addition.places:
                if place in taken:
                    refused[at] = _conflict(place, taken[place])
        kept = [delta for at, (_, delta) in mine.items() if at not in refused and delta is not None]
        deltas.add(tx, [(workspace, kept)])
    held_files.add(tx, [addition.held for addition, _ in made if addition.held is not None])
    return refused


def reserved(tx: Transaction, workspace: int, places: Collection[Place]) -> dict[Place, str]:
    """Those of ``places`` that a job is to write which is not over: the job's id. Files without page are any such
    job's."""
    found: dict[Place, str] = {}
    groups = {group for group, _ in places}
    for run, step in runs.live_steps(tx, workspace):
        written = groups.intersection(step.output_file_grps)
        if not written:
            continue
        rows = jobs.live_of_step(tx, run, step.number)
        names = pieces.page_names(tx, [row.seq for row in rows if row.page is None])
        for row in rows:
            pages = {row.page} if row.page is not None else set(names[row.seq])
            for group, page in places:
                if group in written and (page is None or page in pages):
                    found.setdefault((group, page), row.id)
    return found


def _conflict(place: Place, job: str) -> Conflict:
    group, page = place
    where = f"{group} of page {page}" if page is not None else group
    return Conflict(
        f"{where} is what job {job} is to write, which is not over: nothing is added there by hand",
        advice="Wait until the job is over, or cancel it.",
    )
