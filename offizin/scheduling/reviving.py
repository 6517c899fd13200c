"""Letting jobs that are over wait again, within one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from offizin.errors import Conflict
from offizin.jobs import SKIPPED, State
from offizin.scheduling.edges import Work, edges_between
from offizin.scheduling.live_work import live_work
from offizin.scheduling.ownership import Ownership
from offizin.scheduling.redo import Again, PageOfJob, Redo, What, choose
from offizin.scheduling.skipping import skip
from offizin.scheduling.step_pauses import hold_again
from offizin.scheduling.window import tag
from offizin.store import alternatives, edges, events, held, jobs, pieces, runs
from offizin.store.events import Change
from offizin.store.jobs import JobRow, Revival
from offizin.store.runs import RunRow, StepRow
from offizin.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Retried:
    """How many jobs wait again, or were skipped. ``wake``: processors that may have ready work; ``over``: runs in which
    nothing is open now, because only the METS had not been saved, or what was open is skipped. ``ended``: how many jobs
    have ended by that, by processor and state."""

    jobs: int
    wake: frozenset[str] = frozenset()
    over: tuple[int, ...] = ()
    ended: Mapping[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OtherWay:
    """Another way to do a step, that has been checked. ``parameters`` is JSON text with defaults filled in."""

    processor: str
    parameters: str


@dataclass(frozen=True, slots=True)
class InTheMets:
    """What the METS says. ``pages``: those that are asked for, None for all; ``missing``: (file group, page) without a
    file, in the METS or on disk; ``dropped``: those that were taken out at the run's end."""

    pages: frozenset[str] | None = None
    missing: frozenset[tuple[str, str]] = frozenset()
    dropped: frozenset[tuple[str, str]] = frozenset()


def retry(
    tx: Transaction,
    run: RunRow,
    redo: Redo,
    way: OtherWay | None,
    there: InTheMets,
    ownership: Ownership,
    virtual_time: Callable[[str, int], int],
    now: float,
) -> Retried:
    """Let what is asked for wait again, or end it as skipped."""
    if run.undone_at is not None:
        raise Conflict(f"run {run.id} was undone", advice="Run its workflow once more.")
    steps = {step.number: step for step in runs.steps_of(tx, run.seq)}
    chosen = _chosen(tx, run, redo, there, steps)
    # Tries that were to come later come now.
    delayed, ready = held.release_delayed(tx, run.seq) if redo.plain else (0, set[str]())
    if not chosen and delayed:
        return Retried(delayed, frozenset(ready))
    if not chosen:
        if not redo.plain or run.ended_at is None or run.state is State.SUCCESS:
            raise _nothing_to_do(tx, run, redo)
        runs.revive(tx, run.seq, 0)
        events.add(tx, [Change(run.id, State.RUNNING)], now)
        return Retried(0, over=(run.seq,))
    for again in chosen:
        if again.row.page is None:
            pieces.revive_pages(tx, again.row.seq, [page.number for page in again.pages])
    # What is live touches the same pages, perhaps, and goes first: jobs of this run, too, if it has not ended.
    names = pieces.page_names(tx, [again.row.seq for again in chosen if again.row.page is None])
    revived = [
        Work(
            again.row.seq,
            names[again.row.seq] if again.row.page is None else (again.row.page,),
            steps[again.row.step].input_file_grps,
            steps[again.row.step].output_file_grps,
        )
        for again in chosen
    ]
    live = live_work(tx, run.workspace, steps=list(steps.values()))
    seqs = [again.row.seq for again in chosen]
    edges.reorder(tx, seqs, edges_between(live, revived))
    ownership.check_predecessors(tx, seqs)
    asked = [again for again in chosen if again.asked]
    reasons = jobs.reasons(tx, [again.row.seq for again in asked]) if redo.skip else {}
    number = 0
    if way is not None:
        number = alternatives.ensure(tx, run.seq, redo.step or 0, way.processor, way.parameters)
    revivals = _revivals(chosen, redo, way, number, steps, run.priority, virtual_time)
    jobs.revive(tx, revivals, ownership.server)
    hold_again(tx, run)
    jobs.set_open_edges(tx, edges.open_edges(tx, seqs).items())
    runs.revive(tx, run.seq, len(chosen))
    changes = [Change(run.id, State.CACHED, a.row.id, a.row.step, a.row.page) for a in chosen]
    events.add(tx, [Change(run.id, State.RUNNING), *changes], now)
    wake = frozenset(ready | {revival.processor for revival in revivals})
    if not redo.skip:
        return Retried(len(chosen), wake)
    follows = skip(tx, run, asked, steps, reasons, now)
    return Retried(len(asked), wake | follows.ready, tuple(follows.ended_runs), follows.ended)


def _chosen(tx: Transaction, run: RunRow, redo: Redo, there: InTheMets, steps: dict[int, StepRow]) -> list[Again]:
    rows = [row for row in jobs.of_run(tx, run.seq) if row.state.is_final]
    left_out = jobs.marked(tx, run.seq, SKIPPED)

    def is_missing(step: StepRow, page: str) -> bool:
        return any((group, page) in there.missing for group in step.output_file_grps)

    return choose(
        redo, there.pages, [(row, _pages_of(tx, row, left_out)) for row in rows], steps, is_missing, there.dropped
    )


def _pages_of(tx: Transaction, row: JobRow, left_out: Collection[int]) -> list[PageOfJob]:
    if row.page is not None:
        return [PageOfJob(0, row.page, row.state, row.seq in left_out)]
    return [
        PageOfJob(page.number, page.page, page.state, page.mark == SKIPPED, page.cause, page.message)
        for page in pieces.pages(tx, row.seq)
    ]


def _revivals(
    chosen: Sequence[Again],
    redo: Redo,
    way: OtherWay | None,
    number: int,
    steps: dict[int, StepRow],
    priority: int,
    virtual_time: Callable[[str, int], int],
) -> list[Revival]:
    """A retry takes its turn as if it were submitted now. What was not asked for is done in its step's own way."""
    places: Counter[str] = Counter()
    found = []
    for again in chosen:
        row = again.row
        other = again.asked and way is not None
        processor = way.processor if other and way is not None else steps[row.step].processor
        overwrite = row.overwrite or redo.what is not What.FAILED
        place = tag(virtual_time(processor, priority), places[processor])
        found.append(Revival(row.seq, place, processor, number if other else 0, overwrite))
        places[processor] += len(again.pages)
    return found


def _nothing_to_do(tx: Transaction, run: RunRow, redo: Redo) -> Conflict:
    live = sum(not row.state.is_final for row in jobs.of_run(tx, run.seq))
    left = f"; {live} jobs of it wait or run, and are left alone" if live else ""
    if redo.plain:
        what = f"run {run.id} has no failed or cancelled job"
    else:
        said = {What.FAILED: "failed or was cancelled", What.MISSING: "is missing", What.ALL: "is over"}[redo.what]
        where = "of these pages and steps " if redo.pages or redo.step is not None else ""
        what = f"nothing {where}in run {run.id} {said}"
    advice = "There is nothing to do again in this run."
    if redo.what is What.FAILED and not redo.plain:
        advice = "To make anew what is there, say so: all instead of failed."
    return Conflict(what + left, advice=advice)
