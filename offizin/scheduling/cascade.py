"""What the end of a job means for those behind it, within one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from offizin.jobs import COPIED, SKIPPED, State
from offizin.messages import Cause
from offizin.scheduling.missing import skips_along
from offizin.scheduling.run_steps import RunSteps
from offizin.store import edges, jobs, pieces, runs
from offizin.store.edges import EdgeKind
from offizin.store.events import Change
from offizin.store.jobs import JobRow
from offizin.store.pieces import PageEnding
from offizin.store.transaction import Transaction
from offizin.workflows.policies import Policies


@dataclass(frozen=True, slots=True)
class Finished:
    """A job that is over, and why if not well. ``lost``: its pages without a result; ``wholly_lost``: none has one;
    ``skipped``: its pages that are to have none."""

    row: JobRow
    state: State
    lost: frozenset[str] = frozenset()
    cause: str | None = None
    message: str = ""
    wholly_lost: bool = False
    skipped: frozenset[str] = frozenset()


@dataclass(slots=True)
class Consequences:
    """``cancelled``: jobs that nothing can make possible any more; ``skipped``: those that are not to be done, because
    what they need was skipped; ``ready``: processors with newly ready jobs;
    ``ended_runs``: runs in which nothing is open now; ``ended``: how many jobs have ended, by processor and state."""

    cancelled: list[tuple[JobRow, str]] = field(default_factory=list)
    skipped: list[tuple[JobRow, str]] = field(default_factory=list)
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
    steps = RunSteps(tx)
    wave = [done for done in finished if done.lost or done.wholly_lost or done.skipped]
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
            if row.state is not State.CACHED or seq in gone:
                continue
            taken = _take_pages_out(tx, row, lost_by, steps.policies(row))
            if taken is None:
                continue
            gone.add(seq)
            over[row.run] += 1
            message = f"needs job {lost_by[0].row.id}, {_ended_as(lost_by[0], row)}"
            if taken.state is State.CANCELLED:
                jobs.cancel_waiting(tx, [seq], Cause.NO_INPUT, message, now)
                outcome.cancelled.append((row, message))
            else:
                jobs.skip_waiting(tx, [seq], Cause.NO_INPUT, message, now)
                outcome.skipped.append((row, message))
            outcome.ended[row.processor, taken.state] += 1
            wave.append(taken)
    outcome.ready = jobs.close_edges(tx, {done.row.seq for done in finished} | gone)
    outcome.ended_runs = runs.jobs_ended(tx, over.items())
    return outcome


def pages_of(tx: Transaction, row: JobRow) -> frozenset[str]:
    if row.page is not None:
        return frozenset((row.page,))
    return frozenset(pieces.page_names(tx, [row.seq])[row.seq])


def changes(tx: Transaction, consequences: Consequences) -> list[Change]:
    """What is to be told of them."""
    told = [(row, State.CANCELLED, message) for row, message in consequences.cancelled]
    told += [(row, State.SUCCESS, message) for row, message in consequences.skipped]
    run_ids = runs.ids(tx, {row.run for row, _, _ in told})
    return [
        Change(run_ids[row.run], state, row.id, row.step, row.page, Cause.NO_INPUT, message)
        for row, state, message in told
    ]


def _take_pages_out(tx: Transaction, row: JobRow, lost_by: Sequence[Finished], policies: Policies) -> Finished | None:
    """End those that are missing before this job, or were skipped there, as its step's policies say; how it ends, when
    none is left."""
    lost = frozenset[str]().union(*(done.lost for done in lost_by))
    skipped_before = frozenset[str]().union(*(done.skipped for done in lost_by))
    own = pages_of(tx, row)
    if any(done.wholly_lost and not (done.lost | done.skipped) & own for done in lost_by):
        # It was said to depend on work on other pages, of which nothing came.
        lost = own
    waiting = own if row.page is not None else {p.page for p in pieces.pages(tx, row.seq, {State.CACHED})}
    gone = waiting & (lost | skipped_before)
    skipped = frozenset(page for page in gone if skips_along(policies, skipped_before=page not in lost))
    if row.page is not None:
        if not gone:
            return None
        if skipped:
            return Finished(row, State.SUCCESS, skipped=skipped)
        return Finished(row, State.CANCELLED, own, wholly_lost=True)
    needs = f"needs job {lost_by[0].row.id}, in which this page"
    pieces.end_pages(
        tx,
        [
            PageEnding(row.seq, page, State.SUCCESS, Cause.NO_INPUT, f"{needs} was skipped", SKIPPED)
            if page in skipped
            else PageEnding(row.seq, page, State.CANCELLED, Cause.NO_INPUT, f"{needs} has no result")
            for page in gone
        ],
    )
    return _end_of(tx, row, policies) if len(gone) == len(waiting) else None


def _end_of(tx: Transaction, row: JobRow, policies: Policies) -> Finished:
    """Of a job of many pages, of which none is left to be done."""
    pages = pieces.pages(tx, row.seq)
    lost = frozenset(page.page for page in pages if page.state is not State.SUCCESS)
    skipped = frozenset(page.page for page in pages if page.mark == SKIPPED)
    left_out = sum(page.mark in (SKIPPED, COPIED) for page in pages)
    state = State.SUCCESS if policies.allows(len(lost), left_out, len(pages)) else State.CANCELLED
    return Finished(row, state, lost, wholly_lost=len(lost) == len(pages), skipped=skipped)


def _ended_as(before: Finished, row: JobRow) -> str:
    if before.state is not State.SUCCESS:
        return f"which ended as {before.state}"
    which = "this page" if row.page is not None else "what this one needs"
    return f"in which {which} {'was skipped' if before.skipped else 'has no result'}"
