"""What is under way, as it is shown: pieces that are out, and who has them. Nothing here is on the hot path."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, literal_column, null, select, text

from offizin.jobs import State
from offizin.store.tables import IN_FLIGHT, job_pages, jobs, pieces, runs
from offizin.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class PieceUnderWay:
    """``job`` is the job's id; ``page`` that of a job of one page, ``pages`` how many are not done yet. ``started_at``
    in seconds since the epoch, once it was seen to run. ``server``: the number of the one that sent it; ``holder``: the
    session of the worker that has taken it over."""

    run: str
    step: int
    job: str
    attempt: int
    piece: int
    processor: str
    page: str | None
    pages: int
    state: State
    started_at: float | None
    server: int
    holder: str | None


def all_of_them(tx: Transaction) -> list[PieceUnderWay]:
    """Of all servers, in the order the jobs were submitted."""
    of_one_page = (
        select(
            jobs.c.seq, runs.c.id, jobs.c.step, jobs.c.id, jobs.c.attempt, literal_column("0"), jobs.c.processor,
            jobs.c.page, jobs.c.pages, jobs.c.state, jobs.c.started_at, jobs.c.server, jobs.c.holder,
        )
        .join(runs, runs.c.seq == jobs.c.run)
        .where(text(IN_FLIGHT.replace("state", "jobs.state")), jobs.c.page.is_not(None))
    )  # fmt: skip
    how_many = select(func.count()).where(
        job_pages.c.job == pieces.c.job, job_pages.c.piece == pieces.c.number, job_pages.c.state == State.CACHED
    )
    of_many = (
        select(
            pieces.c.job, runs.c.id, jobs.c.step, jobs.c.id, pieces.c.attempt, pieces.c.number, pieces.c.processor,
            null(), how_many.scalar_subquery(), pieces.c.state, jobs.c.started_at, pieces.c.server, pieces.c.holder,
        )
        .join(jobs, jobs.c.seq == pieces.c.job)
        .join(runs, runs.c.seq == jobs.c.run)
        .where(text(IN_FLIGHT.replace("state", "pieces.state")))
    )  # fmt: skip
    rows = sorted((*tx.execute(of_one_page), *tx.execute(of_many)), key=lambda row: (row[0], row[5]))
    return [
        PieceUnderWay(run, step, job, attempt, piece, processor, page, pages, State(state), started_at, server, holder)
        for _, run, step, job, attempt, piece, processor, page, pages, state, started_at, server, holder in rows
    ]
