"""Doing again what failed or was cancelled in a run: the same jobs, a new attempt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from offizin.clock import Clock
from offizin.errors import Conflict
from offizin.jobs import State
from offizin.scheduling.edges import Work, edges_between
from offizin.scheduling.lanes import Lanes
from offizin.scheduling.live_work import live_work
from offizin.scheduling.ownership import Moved, Ownership
from offizin.scheduling.to_the_end import to_the_end
from offizin.scheduling.window import tag
from offizin.store import edges, events, jobs, pieces, runs
from offizin.store.events import Change
from offizin.store.jobs import JobRow
from offizin.store.runs import RunRow
from offizin.store.transaction import Database, Transaction


@dataclass(frozen=True, slots=True)
class Retried:
    """How many jobs wait again. ``save_only``: none had failed, but the METS had not been saved."""

    jobs: int
    save_only: bool


class Retrying:
    """``virtual_time`` by processor and priority; ``wake`` with the processors concerned; ``run_over`` with a run that
    only has to be saved."""

    def __init__(
        self,
        database: Database,
        ownership: Ownership,
        lanes: Lanes,
        clock: Clock,
        *,
        virtual_time: Callable[[str, int], int],
        wake: Callable[[set[str]], None],
        run_over: Callable[[int], None],
        changed: Callable[[], None],
    ) -> None:
        self._database = database
        self._ownership = ownership
        self._lanes = lanes
        self._clock = clock
        self._virtual_time = virtual_time
        self._wake = wake
        self._run_over = run_over
        self._changed = changed

    async def retry_run(self, run: RunRow) -> Retried:
        """Raises Conflict when there is nothing to do again, and OwnedElsewhere."""
        return await to_the_end(self._carry_out(run))

    async def _carry_out(self, run: RunRow) -> Retried:
        while True:
            try:
                retried, processors = await self._write(run, self._clock.now())
                break
            except Moved:
                continue
        self._wake(processors)
        if retried.save_only:
            self._run_over(run.seq)
        self._changed()
        return retried

    async def _write(self, run: RunRow, now: float) -> tuple[Retried, set[str]]:
        # What somebody else has written into the METS is what a retry begins with.
        await self._lanes.refresh(Path(run.mets), now)
        lane = self._lanes.at_hand(Path(run.mets))
        known = None if lane is None else lane.epoch

        def write(tx: Transaction) -> tuple[Retried, set[str]]:
            self._ownership.take(tx, run.workspace, known)
            return retry(tx, runs.by_seq(tx, run.seq), self._ownership, self._virtual_time, now)

        return await self._database.write(write, synced=True)


def retry(
    tx: Transaction, run: RunRow, ownership: Ownership, virtual_time: Callable[[str, int], int], now: float
) -> tuple[Retried, set[str]]:
    """Revive the run's failed and cancelled jobs; the processors that may have ready work."""
    rows = jobs.of_run(tx, run.seq, {State.FAILED, State.CANCELLED})
    if not rows:
        if run.ended_at is None or run.state is State.SUCCESS:
            raise Conflict(
                f"run {run.id} has no failed or cancelled job", advice="There is nothing to do again in this run."
            )
        runs.revive(tx, run.seq, 0)
        events.add(tx, [Change(run.id, State.RUNNING)], now)
        return Retried(0, save_only=True), set()
    steps = {step.number: step for step in runs.steps_of(tx, run.seq)}
    for row in rows:
        if row.page is None:
            pieces.revive_pages(tx, row.seq)
    # What is live touches the same pages, perhaps, and goes first: jobs of this run, too, if it has not ended.
    names = pieces.page_names(tx, [row.seq for row in rows if row.page is None])
    revived = [
        Work(
            row.seq,
            names[row.seq] if row.page is None else (row.page,),
            steps[row.step].input_file_grps,
            steps[row.step].output_file_grps,
        )
        for row in rows
    ]
    live = live_work(tx, run.workspace, steps=list(steps.values()))
    seqs = [row.seq for row in rows]
    edges.reorder(tx, seqs, edges_between(live, revived))
    ownership.check_predecessors(tx, seqs)
    jobs.revive(tx, _new_tags(rows, run.priority, virtual_time), ownership.server)
    jobs.set_open_edges(tx, edges.open_edges(tx, seqs).items())
    runs.revive(tx, run.seq, len(rows))
    changes = [Change(run.id, State.CACHED, row.id, row.step, row.page) for row in rows]
    events.add(tx, [Change(run.id, State.RUNNING), *changes], now)
    return Retried(len(rows), save_only=False), {row.processor for row in rows}


def _new_tags(rows: Sequence[JobRow], priority: int, virtual_time: Callable[[str, int], int]) -> list[tuple[int, int]]:
    """``(job, tag)``: a retry takes its turn as if it were submitted now."""
    places: Counter[str] = Counter()
    found = []
    for row in rows:
        found.append((row.seq, tag(virtual_time(row.processor, priority), places[row.processor])))
        places[row.processor] += row.pages
    return found
