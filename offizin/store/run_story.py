"""All that is known of each page in each step of a run, for a report. Nothing here is on the hot path."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import literal, select, union_all

from offizin.jobs import State
from offizin.store.page_counts import CountsRow
from offizin.store.tables import job_pages, jobs, page_counts
from offizin.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class PageInStep:
    """``seconds`` and ``peak_memory`` (bytes) of its last attempt; None and 0 in a job of many pages, and where it is
    not known."""

    step: int
    page: str
    state: State
    mark: str
    cause: str | None
    message: str
    seconds: float | None = None
    peak_memory: int = 0


def pages_in_steps(tx: Transaction, run: int) -> list[PageInStep]:
    """In the order of the submission."""
    alone = select(
        jobs.c.step, jobs.c.page, jobs.c.state, jobs.c.mark, jobs.c.cause, jobs.c.message, jobs.c.seconds,
        jobs.c.peak_memory, jobs.c.seq, literal(0).label("number"),
    ).where(jobs.c.run == run, jobs.c.page.is_not(None))  # fmt: skip
    of_many = (
        select(
            jobs.c.step, job_pages.c.page, job_pages.c.state, job_pages.c.mark, job_pages.c.cause,
            job_pages.c.message, literal(None), literal(0), jobs.c.seq, job_pages.c.number,
        )
        .join(jobs, jobs.c.seq == job_pages.c.job)
        .where(jobs.c.run == run)
    )  # fmt: skip
    both = union_all(alone, of_many).subquery()
    query = select(*tuple(both.c)[:8]).order_by(both.c.seq, both.c.number)
    return [
        PageInStep(step, page, State(state), mark, cause, message, seconds, int(memory or 0))
        for step, page, state, mark, cause, message, seconds, memory in tx.execute(query)
    ]


def counts_by_page(tx: Transaction, run: int) -> dict[tuple[int, str], CountsRow]:
    """By step and page."""
    query = select(jobs.c.step, page_counts).join(jobs, jobs.c.seq == page_counts.c.job).where(jobs.c.run == run)
    return {(step, row[1]): CountsRow(*row) for step, *row in tx.execute(query)}
