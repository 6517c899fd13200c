"""After a restart: what was in flight with a server or worker that is gone waits again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from offizin.jobs import COPY_INPUT, SKIPPED, State
from offizin.messages import Cause
from offizin.scheduling.book_end import CANCELLED, end_book
from offizin.scheduling.cascade import Consequences, Finished, changes, follow
from offizin.scheduling.missing import Becomes, becomes
from offizin.scheduling.other_ways import OTHER_WAYS, OtherWays
from offizin.scheduling.retry_policy import Limits, after_loss
from offizin.scheduling.run_steps import RunSteps
from offizin.store import events, jobs, pieces, runs
from offizin.store.events import Change
from offizin.store.jobs import Ending, JobRow
from offizin.store.pieces import PageEnding, PieceRow
from offizin.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Recovered:
    """How many pieces wait again, were cancelled, or were given up because they had taken too many workers along."""

    again: int
    cancelled: int
    given_up: int


@dataclass(frozen=True, slots=True)
class PutBack:
    """What was done, and what follows from it."""

    recovered: Recovered
    consequences: Consequences


def places_in_flight(tx: Transaction, server: int = 1) -> set[tuple[Path, tuple[str, ...]]]:
    """The workspaces and output groups of what is in flight: there lies what was being written, if a runner was killed
    over it."""
    return places_of(tx, jobs.in_flight(tx, server))


def places_of(tx: Transaction, rows: Iterable[JobRow]) -> set[tuple[Path, tuple[str, ...]]]:
    """As ``places_in_flight``, of these jobs."""
    found: set[tuple[Path, tuple[str, ...]]] = set()
    steps = {(row.run, row.step) for row in rows}
    for run in {run for run, _ in steps}:
        workspace = Path(runs.by_seq(tx, run).mets).parent
        found.update((workspace, s.output_file_grps) for s in runs.steps_of(tx, run) if (run, s.number) in steps)
    return found


def recover(tx: Transaction, limits: Limits, now: float, *, crashed: bool = True, server: int = 1) -> Recovered:
    """Put everything that this server has in flight back. What had only been queued is charged nothing; what ran when
    the server ``crashed`` counts a loss."""
    singles = [row for row in jobs.in_flight(tx, server) if row.page is not None]
    return put_back(tx, singles, pieces.in_flight(tx, server), limits, now, crashed=crashed).recovered


def put_back(
    tx: Transaction,
    of_one_page: Sequence[JobRow],
    of_many: Sequence[PieceRow],
    limits: Limits,
    now: float,
    *,
    crashed: bool,
) -> PutBack:
    """As ``recover``, of these jobs and pieces; what is not in flight stays as it is."""
    steps = RunSteps(tx)
    other_ways = OtherWays(tx, steps)
    endings: list[Ending] = []
    states: list[State] = []
    finished: list[Finished] = []
    for row in of_one_page:
        if row.state not in (State.QUEUED, State.RUNNING):
            continue
        losses = row.losses + (crashed and row.state is State.RUNNING)
        states.append(state := _after(row.cancelling, row.state, losses, limits))
        cause, message = _why(state, losses)
        ending = Ending(row.seq, state, cause, message, None, now, 0.0, row.tries, losses)
        if state is State.FAILED:
            decided = _becomes(steps, row, row.alternative)
            ending = _as_policies_say(ending, decided)
            if decided in OTHER_WAYS:
                other_ways.take(row, row.alternative, decided)
        endings.append(ending if ending.state.is_final else replace(ending, ended_at=None))
        if ending.state.is_final:
            pages, nothing = frozenset((row.page or "",)), frozenset[str]()
            lost, skipped = (nothing, pages) if ending.mark else (pages, nothing)
            finished.append(Finished(row, ending.state, lost, cause, message, wholly_lost=bool(lost), skipped=skipped))
    jobs.end_attempts(tx, endings)
    in_flight = [piece for piece in of_many if piece.state in (State.QUEUED, State.RUNNING)]
    states += _put_back_pieces(tx, in_flight, limits, steps, other_ways, finished, now, crashed)
    consequences = follow(tx, finished, now)
    run_ids = runs.ids(tx, {done.row.run for done in finished})
    told = [
        Change(run_ids[done.row.run], done.state, done.row.id, done.row.step, done.row.page, done.cause, done.message)
        for done in finished
    ]
    events.add(tx, [*told, *changes(tx, consequences)], now)
    recovered = Recovered(
        again=sum(state is State.CACHED for state in states),
        cancelled=sum(state is State.CANCELLED for state in states),
        given_up=sum(state is State.FAILED for state in states),
    )
    return PutBack(recovered, consequences)


def _after(cancelling: bool, state: State, losses: int, limits: Limits) -> State:
    if cancelling:
        return State.CANCELLED
    give_up = state is State.RUNNING and after_loss(losses, limits).give_up
    return State.FAILED if give_up else State.CACHED


def _becomes(steps: RunSteps, row: JobRow, alternative: int) -> Becomes:
    copying, fallback = alternative == COPY_INPUT, steps.fallback(row, alternative) is not None
    return becomes(steps.policies(row), Cause.WORKER_LOST, copying=copying, fallback=fallback)


def _as_policies_say(given_up: Ending, decided: Becomes) -> Ending:
    if decided is Becomes.SKIPPED:
        return replace(given_up, state=State.SUCCESS, mark=SKIPPED)
    if decided in OTHER_WAYS:
        return replace(given_up, state=State.CACHED, tries=0, losses=0)
    return given_up


def _why(state: State, losses: int) -> tuple[Cause | None, str]:
    if state is State.CANCELLED:
        return Cause.CANCELLED, CANCELLED
    if state is State.FAILED:
        lost = f"the server or worker was lost {losses} times while this ran, in the end with nothing beside it"
        return Cause.WORKER_LOST, lost
    return None, ""


def _put_back_pieces(
    tx: Transaction,
    found: Sequence[PieceRow],
    limits: Limits,
    steps: RunSteps,
    other_ways: OtherWays,
    finished: list[Finished],
    now: float,
    crashed: bool,
) -> list[State]:
    states: list[State] = []
    rows = jobs.rows(tx, {piece.job for piece in found})
    for piece in found:
        losses = piece.losses + (crashed and piece.state is State.RUNNING)
        left = pieces.pages_of_piece(tx, piece.job, piece.number)
        state = _after(rows[piece.job].cancelling, piece.state, losses, limits)
        states.append(state)
        over = state.is_final or not left  # only its end had not been heard
        renewed = replace(piece, losses=losses)
        pieces.set_states(tx, [(renewed, State.SUCCESS if over else State.CACHED)])
        if state.is_final:
            cause, message = _why(state, losses)
            decided = Becomes.FAILED
            if state is State.FAILED:
                decided = _becomes(steps, rows[piece.job], piece.alternative)
            if decided in OTHER_WAYS:
                others = {decided: [p.page for p in left]}
                other_ways.cut_off(rows[piece.job], piece.number, piece.alternative, others)
                continue
            end, mark = (State.SUCCESS, SKIPPED) if decided is Becomes.SKIPPED else (state, "")
            pieces.end_pages(tx, [PageEnding(p.job, p.page, end, cause, message, mark) for p in left])
    for row in rows.values():
        if not row.state.is_final and not pieces.open_pieces(tx, row.seq):
            finished.append(end_book(tx, row, steps.policies(row), now))
    return states
