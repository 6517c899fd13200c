"""What the end of a job means for those behind it, within one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from offizin.jobs import State
from offizin.messages import Cause
from offizin.store import edges, jobs, pieces, runs
from offizin.store.edges import EdgeKind
from offizin.store.jobs import JobRow
from offizin.store.pieces import PageEnding
from offizin.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Finished:
    """A job that is over, and why if not well. ``lost``: its pages without a result; ``wholly_lost``: none has one."""

    row: JobRow
    state: State
    lost: frozenset[str] = frozenset()
    cause: str | None = None
    message: str = ""
    wholly_lost: bool = False


@dataclass(slots=True)
class Consequences:
    """``cancelled``: jobs that nothing can make possible any more; ``ready``: processors with newly ready jobs;
    ``ended_runs``: runs in which nothing is open now; ``ended``: how many jobs have ended, by processor and state."""

    cancelled: list[tuple[JobRow, str]] = field(default_factory=list)
    ready: set[str] = field(default_factory=set)
    ended_runs: list[int] = field(default_factory=list)
    ended: Counter[tuple[str, str]] = field(default_factory=Counter)


def follow(tx: Transaction, finished: Sequence[Finished], now: float) -> Consequences:
    """Count edges and runs down, cancel what can no longer be done (page by page), find what is ready.

    The rows of ``finished`` themselves have been written already.
    """
    outcome = Consequences()
    over: Counter[int] = Counter(done.row.run for done in finished)
    outcome.ended.update((done.row.processor, done.state) for done in finished)
    gone: set[int] = set()
    wave = [done for done in finished if done.lost or done.wholly_lost]
    while wave:
        by_seq = {done.row.seq: done for done in wave}
        losses: dict[int, list[Finished]] = {}
        for edge in edges.starting_at(tx, by_seq.keys()):
            if edge.kind is EdgeKind.NEEDS:
                losses.setdefault(edge.successor, []).append(by_seq[edge.predecessor])
        wave = []
        rows = jobs.rows(tx, losses.keys())
        for seq, lost_by in losses.items():
            row = rows[seq]
            if row.state is State.CACHED and seq not in gone and _is_lost(tx, row, lost_by):
                gone.add(seq)
                message = f"needs job {lost_by[0].row.id}, which ended as {lost_by[0].state}"
                jobs.cancel_waiting(tx, [seq], Cause.NO_INPUT, message, now)
                outcome.cancelled.append((row, message))
                over[row.run] += 1
                outcome.ended[row.processor, State.CANCELLED] += 1
                wave.append(Finished(row, State.CANCELLED, pages_of(tx, row), wholly_lost=True))
    outcome.ready = jobs.close_edges(tx, {done.row.seq for done in finished} | gone)
    outcome.ended_runs = runs.jobs_ended(tx, over.items())
    return outcome


def pages_of(tx: Transaction, row: JobRow) -> frozenset[str]:
    if row.page is not None:
        return frozenset((row.page,))
    return frozenset(pieces.page_names(tx, [row.seq])[row.seq])


def _is_lost(tx: Transaction, row: JobRow, lost_by: Sequence[Finished]) -> bool:
    """Take the lost pages out of the job; whether none is left."""
    lost = frozenset[str]().union(*(done.lost for done in lost_by))
    own = pages_of(tx, row)
    if any(done.wholly_lost and not done.lost & own for done in lost_by):
        # It was said to depend on work on other pages, of which nothing came.
        lost = own
    if row.page is not None:
        return row.page in lost
    message = f"needs job {lost_by[0].row.id}, in which this page has no result"
    waiting = [p.page for p in pieces.pages(tx, row.seq, {State.CACHED})]
    gone = [page for page in waiting if page in lost]
    pieces.end_pages(tx, [PageEnding(row.seq, page, State.CANCELLED, Cause.NO_INPUT, message) for page in gone])
    return len(gone) == len(waiting)
