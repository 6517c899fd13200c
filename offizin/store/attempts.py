"""Attempts, or pages of one, that did not work out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import insert, select

from offizin.store.tables import attempts, jobs
from offizin.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """``again`` says whether the job was tried once more; ``page`` is None when it was the piece as a whole."""

    job: int
    piece: int
    attempt: int
    page: str | None
    cause: str
    message: str
    log_tail: str
    seconds: float
    peak_memory: int
    again: bool
    ended_at: float
    host: str = ""
    runner: int = 0


def add(tx: Transaction, failed: Sequence[FailedAttempt]) -> None:
    if failed:
        tx.execute(insert(attempts), [asdict(attempt) for attempt in failed])


def of_job(tx: Transaction, job: int) -> list[FailedAttempt]:
    rows = tx.execute(select(attempts).where(attempts.c.job == job).order_by(attempts.c.seq))
    return [_attempt(row._asdict()) for row in rows]


def of_run(tx: Transaction, run: int, limit: int) -> list[FailedAttempt]:
    query = (
        select(attempts).join(jobs, jobs.c.seq == attempts.c.job).where(jobs.c.run == run, attempts.c.again.is_(False))
    )
    return [_attempt(row._asdict()) for row in tx.execute(query.order_by(attempts.c.seq).limit(limit))]


def _attempt(values: dict[str, object]) -> FailedAttempt:
    values.pop("seq")
    return FailedAttempt(**values)  # type: ignore[arg-type]
