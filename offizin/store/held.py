"""What waits and is not to be chosen now: because its step is paused, or because its next try is not due.

All that is live of a paused step is held, also what is in flight: whatever of that comes back waits with the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, insert, select, update

from offizin.jobs import LIVE, State
from offizin.store.pauses import steps_of_run
from offizin.store.tables import delays, jobs, pieces, runs
from offizin.store.transaction import Transaction

IN_FLIGHT = (State.QUEUED, State.RUNNING)


@dataclass(frozen=True, slots=True)
class Delay:
    """The next try of a job of one page (``piece`` None), or of a piece. ``due_at`` in seconds since the epoch."""

    job: int
    piece: int | None
    due_at: float


def hold_steps(tx: Transaction, run: int, steps: Collection[int]) -> int:
    """How many live jobs these steps have: they begin no more."""
    return _set_held(tx, run, steps, held=True)


def release_steps(tx: Transaction, run: int, steps: Collection[int]) -> set[str]:
    """The processors of what may begin again, delayed or not."""
    of_steps = (jobs.c.run == run, jobs.c.step.in_(list(steps)), jobs.c.state.in_(list(LIVE)))
    _set_held(tx, run, steps, held=False)
    tx.execute(delete(delays).where(delays.c.job.in_(select(jobs.c.seq).where(*of_steps))))
    # a piece may be at a fallback, whose processor is another one than its job's
    of_pieces = select(pieces.c.processor).join(jobs, jobs.c.seq == pieces.c.job).where(*of_steps)
    return set(tx.execute(select(jobs.c.processor).where(*of_steps).union(of_pieces)).scalars())


def release_delayed(tx: Transaction, run: int) -> tuple[int, set[str]]:
    """All tries of the run are due now: how many, and the processors of what may begin."""
    of_run = select(jobs.c.seq).where(jobs.c.run == run)
    live = of_run.where(jobs.c.state.in_(list(LIVE)))
    rows = tx.execute(select(delays).where(delays.c.job.in_(live))).all()
    return len(rows), _release(tx, [(row.job, row.piece) for row in rows])


def delay(tx: Transaction, new: Sequence[Delay]) -> None:
    """Of the servers that have the jobs."""
    if not new:
        return
    query = select(jobs.c.seq, jobs.c.server).where(jobs.c.seq.in_({d.job for d in new}))
    server = {seq: owner for seq, owner in tx.execute(query)}
    keys = [{"of": d.job, "which": d.piece or 0} for d in new]
    tx.execute(delete(delays).where(delays.c.job == bindparam("of"), delays.c.piece == bindparam("which")), keys)
    rows = [{"job": d.job, "piece": d.piece or 0, "due_at": d.due_at, "server": server[d.job]} for d in new]
    tx.execute(insert(delays), rows)
    singles = [d.job for d in new if d.piece is None]
    tx.execute(update(jobs).where(jobs.c.seq.in_(singles)).values(held=True))
    _set_pieces(tx, [(d.job, d.piece) for d in new if d.piece is not None], held=True)


def release_due(tx: Transaction, now: float, limit: int, server: int = 1) -> set[str]:
    """The processors of what may begin: tries that are due. Those of paused steps stay held."""
    query = select(delays).where(delays.c.server == server, delays.c.due_at <= now)
    rows = tx.execute(query.order_by(delays.c.due_at).limit(limit)).all()
    return _release(tx, [(row.job, row.piece) for row in rows])


def next_due(tx: Transaction, server: int = 1) -> float | None:
    found: float | None = tx.execute(select(func.min(delays.c.due_at)).where(delays.c.server == server)).scalar_one()
    return found


def can_go_on(tx: Transaction, run: int, paused: Collection[int]) -> bool:
    """Whether something of the run is in flight, or waits neither for another job nor in a paused step."""
    moves = jobs.c.step.not_in(list(paused))
    waits = (jobs.c.state == State.CACHED) & (jobs.c.open_edges == 0) & moves
    flies = jobs.c.state.in_(IN_FLIGHT) & jobs.c.page.is_not(None)
    of_pieces = select(pieces.c.job).join(jobs, jobs.c.seq == pieces.c.job)
    piece_moves = pieces.c.state.in_(IN_FLIGHT) | ((pieces.c.state == State.CACHED) & moves)
    for query in (select(jobs.c.seq).where(waits | flies), of_pieces.where(piece_moves)):
        if tx.execute(query.where(jobs.c.run == run).limit(1)).first() is not None:
            return True
    return False


def _release(tx: Transaction, due: Sequence[tuple[int, int]]) -> set[str]:
    if not due:
        return set()
    seqs = {job for job, _ in due}
    keys = [{"of": job, "which": piece} for job, piece in due]
    tx.execute(delete(delays).where(delays.c.job == bindparam("of"), delays.c.piece == bindparam("which")), keys)
    query = select(jobs.c.seq, jobs.c.run, jobs.c.step, jobs.c.page, jobs.c.processor, runs.c.id)
    rows = tx.execute(query.join(runs, runs.c.seq == jobs.c.run).where(jobs.c.seq.in_(seqs))).all()
    paused = {row.run: steps_of_run(tx, row.id) for row in rows}
    free = {row.seq: row for row in rows if row.step not in paused[row.run]}
    singles = [seq for seq, row in free.items() if row.page is not None]
    tx.execute(update(jobs).where(jobs.c.seq.in_(singles)).values(held=False))
    of_many = [(job, piece) for job, piece in due if job in free and free[job].page is None]
    _set_pieces(tx, of_many, held=False)
    query = select(pieces.c.processor).where(pieces.c.job.in_({job for job, _ in of_many})).distinct()
    return {row.processor for row in free.values()} | set(tx.execute(query).scalars())


def _set_pieces(tx: Transaction, which: Sequence[tuple[int, int]], *, held: bool) -> None:
    if which:
        statement = update(pieces).where(pieces.c.job == bindparam("of"), pieces.c.number == bindparam("which"))
        tx.execute(statement.values(held=held), [{"of": job, "which": number} for job, number in which])


def _set_held(tx: Transaction, run: int, steps: Collection[int], *, held: bool) -> int:
    of_steps = (jobs.c.run == run, jobs.c.step.in_(list(steps)), jobs.c.state.in_(list(LIVE)))
    live = select(jobs.c.seq).where(*of_steps)
    tx.execute(update(pieces).where(pieces.c.job.in_(live), pieces.c.state != State.SUCCESS).values(held=held))
    return int(tx.execute(update(jobs).where(*of_steps).values(held=held)).rowcount)
