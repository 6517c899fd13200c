"""What was recognised on pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Float, case, func, select

from offizin.store import dialects
from offizin.store.tables import jobs, page_counts
from offizin.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class CountsRow:
    """Of a page's PAGE as a job made it. ``confidence`` from 0 to 1."""

    job: int
    page: str
    regions: int
    lines: int
    words: int
    confidence: float | None


@dataclass(frozen=True, slots=True)
class StepCounts:
    """Sums over a step's pages; ``confidence`` is the mean over the words (where there are none, over the lines)."""

    regions: int
    lines: int
    words: int
    confidence: float | None


def put(tx: Transaction, rows: Sequence[CountsRow]) -> None:
    """What was counted of the page in the job before is replaced."""
    if rows:
        tx.execute(
            dialects.insert_or_replace(tx.dialect.name, page_counts, ("job", "page")), [asdict(row) for row in rows]
        )


def of_job(tx: Transaction, job: int) -> dict[str, CountsRow]:
    """By page."""
    rows = tx.execute(select(page_counts).where(page_counts.c.job == job))
    return {row.page: CountsRow(**row._asdict()) for row in rows}


def of_run(tx: Transaction, run: int) -> dict[int, StepCounts]:
    """By step."""
    known = page_counts.c.confidence.is_not(None)
    weight = case((page_counts.c.words > 0, page_counts.c.words), else_=page_counts.c.lines)
    query = (
        select(
            jobs.c.step, func.sum(page_counts.c.regions), func.sum(page_counts.c.lines), func.sum(page_counts.c.words),
            func.sum(case((known, page_counts.c.confidence * weight), else_=0.0), type_=Float),
            func.sum(case((known, weight), else_=0)),
        )
        .join(jobs, jobs.c.seq == page_counts.c.job)
        .where(jobs.c.run == run)
        .group_by(jobs.c.step)
    )  # fmt: skip
    return {
        step: StepCounts(int(regions), int(lines), int(words), float(total) / int(weights) if weights else None)
        for step, regions, lines, words, total, weights in tx.execute(query)
    }
