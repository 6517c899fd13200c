"""Pages that are over without output of their own: failed, cancelled, skipped or copied."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import or_, select, union_all

from offizin.jobs import COPIED, SKIPPED, State
from offizin.store.tables import job_pages, jobs
from offizin.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class GapRow:
    step: int
    job: int
    job_id: str
    processor: str
    page: str
    state: State
    mark: str
    cause: str | None
    message: str


def of_run(tx: Transaction, run: int, limit: int) -> list[GapRow]:
    """By step, then in the order of the jobs and their pages."""
    ends, marks = [State.FAILED, State.CANCELLED], [SKIPPED, COPIED]
    is_gap = or_(jobs.c.state.in_(ends), jobs.c.mark.in_(marks))
    alone = select(
        jobs.c.step, jobs.c.seq, jobs.c.id, jobs.c.processor, jobs.c.page, jobs.c.state, jobs.c.mark, jobs.c.cause,
        jobs.c.message, jobs.c.seq.label("place"),
    ).where(jobs.c.run == run, jobs.c.page.is_not(None), is_gap)  # fmt: skip
    of_many = (
        select(
            jobs.c.step, jobs.c.seq, jobs.c.id, jobs.c.processor, job_pages.c.page, job_pages.c.state,
            job_pages.c.mark, job_pages.c.cause, job_pages.c.message, job_pages.c.number.label("place"),
        )
        .join(jobs, jobs.c.seq == job_pages.c.job)
        .where(jobs.c.run == run, or_(job_pages.c.state.in_(ends), job_pages.c.mark.in_(marks)))
    )  # fmt: skip
    both = union_all(alone, of_many).subquery()
    query = select(*tuple(both.c)[:9]).order_by(both.c.step, both.c.seq, both.c.place).limit(limit)
    return [
        GapRow(step, job, job_id, processor, page, State(state), mark, cause, message)
        for step, job, job_id, processor, page, state, mark, cause, message in tx.execute(query)
    ]
