"""Cancelling jobs and runs. What waits is over at once; what runs is over when its worker says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from offizin.clock import Clock
from offizin.jobs import State
from offizin.messages import Cause
from offizin.scheduling.book_end import CANCELLED
from offizin.scheduling.cascade import Consequences, Finished, changes, follow
from offizin.scheduling.ownership import Ownership
from offizin.scheduling.to_the_end import to_the_end
from offizin.store import events, jobs, pieces, runs
from offizin.store.events import Change
from offizin.store.jobs import JobRow
from offizin.store.pieces import PageEnding
from offizin.store.transaction import Database, Transaction
from offizin.tallies import Tallies


@dataclass(frozen=True, slots=True)
class Cancelled:
    """``over``: jobs that are cancelled now; ``running``: ids of those that are being ended."""

    over: int
    running: list[str]


class Cancellation:
    """``end_work(job id)`` tells the workers; ``wake`` and ``run_over`` as in Completion. Raises OwnedElsewhere."""

    def __init__(
        self,
        database: Database,
        ownership: Ownership,
        clock: Clock,
        tallies: Tallies,
        *,
        end_work: Callable[[str], None],
        wake: Callable[[set[str]], None],
        run_over: Callable[[int], None],
        changed: Callable[[], None],
    ) -> None:
        self._database = database
        self._ownership = ownership
        self._clock = clock
        self._tallies = tallies
        self._end_work = end_work
        self._wake = wake
        self._run_over = run_over
        self._changed = changed

    async def cancel_run(self, run: int) -> Cancelled:
        return await self._cancel(lambda tx: jobs.of_run(tx, run, {State.CACHED, State.QUEUED, State.RUNNING}))

    async def cancel_job(self, job: int) -> Cancelled:
        """A job that is over stays as it is."""
        return await self._cancel(lambda tx: [row for row in jobs.rows(tx, [job]).values() if not row.state.is_final])

    async def _cancel(self, find: Callable[[Transaction], Sequence[JobRow]]) -> Cancelled:
        return await to_the_end(self._carry_out(find))

    async def _carry_out(self, find: Callable[[Transaction], Sequence[JobRow]]) -> Cancelled:
        now = self._clock.now()

        def write(tx: Transaction) -> tuple[Cancelled, Consequences]:
            rows = find(tx)
            for run in {row.run for row in rows}:
                self._ownership.take(tx, runs.by_seq(tx, run).workspace)
            return cancel(tx, rows, now)

        cancelled, consequences = await self._database.write(write, synced=True)
        for job_id in cancelled.running:
            self._end_work(job_id)
        self._tallies.ended.update(consequences.ended)
        self._wake(consequences.ready)
        for run in consequences.ended_runs:
            self._run_over(run)
        self._changed()
        return cancelled


def cancel(tx: Transaction, rows: Sequence[JobRow], now: float) -> tuple[Cancelled, Consequences]:
    """Mark these live jobs, and do to those behind them what follows."""
    waiting = [row for row in rows if row.state is State.CACHED]
    working = [row for row in rows if row.state is not State.CACHED]
    jobs.mark_cancelling(tx, [row.seq for row in working])
    for row in [row for row in working if row.page is None]:
        pieces.drop_waiting(tx, row.seq)
        if not pieces.open_pieces(tx, row.seq):
            waiting.append(row)
    stuck = {row.seq for row in waiting}
    jobs.cancel_waiting(tx, stuck, Cause.CANCELLED, CANCELLED, now)
    for row in waiting:
        if row.page is None:
            left = pieces.pages(tx, row.seq, {State.CACHED})
            endings = [PageEnding(row.seq, p.page, State.CANCELLED, Cause.CANCELLED, CANCELLED) for p in left]
            pieces.end_pages(tx, endings)
    finished = [_finished(tx, row) for row in waiting]
    consequences = follow(tx, finished, now)
    run_ids = runs.ids(tx, {row.run for row in waiting})
    over = [
        Change(run_ids[row.run], State.CANCELLED, row.id, row.step, row.page, Cause.CANCELLED, CANCELLED)
        for row in waiting
    ]
    events.add(tx, [*over, *changes(tx, consequences)], now)
    running = [row.id for row in working if row.seq not in stuck]
    return Cancelled(len(over) + len(consequences.cancelled), running), consequences


def _finished(tx: Transaction, row: JobRow) -> Finished:
    """Pages that were done before stay done, and what needs them goes on."""
    if row.page is not None:
        return Finished(row, State.CANCELLED, frozenset((row.page,)), wholly_lost=True)
    lost = frozenset(p.page for p in pieces.pages(tx, row.seq) if p.state is not State.SUCCESS)
    return Finished(row, State.CANCELLED, lost, wholly_lost=len(lost) == row.pages)
