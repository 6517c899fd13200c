"""How many pages of a run stand how, whether they have jobs of their own or are in jobs of many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.sql.elements import ColumnElement

from offizin.jobs import COPIED, SKIPPED, State
from offizin.store.tables import job_pages, jobs
from offizin.store.transaction import Transaction

LOST = frozenset({State.FAILED, State.CANCELLED})


@dataclass(frozen=True, slots=True)
class PageTally:
    """``count`` pages of a step that stand alike. ``by_user``: it was cancelled, not for want of input; ``alone``: each
    has a job of its own."""

    step: int
    state: State
    mark: str
    by_user: bool
    alone: bool
    count: int

    @property
    def lost(self) -> bool:
        """They are over, and have no output although they were to have one."""
        return self.state in LOST

    @property
    def left_out(self) -> bool:
        """Policies say that they have no output, or only a copy."""
        return self.mark in (SKIPPED, COPIED)


def of_run(tx: Transaction, run: int) -> list[PageTally]:
    by_user = jobs.c.cause == State.CANCELLED
    columns: Sequence[ColumnElement[Any]] = (jobs.c.step, jobs.c.state, jobs.c.mark, by_user)
    query = select(*columns, func.count()).where(jobs.c.run == run, jobs.c.page.is_not(None)).group_by(*columns)
    found = [_tally(row, alone=True) for row in tx.execute(query)]
    by_user = job_pages.c.cause == State.CANCELLED
    columns = (jobs.c.step, job_pages.c.state, job_pages.c.mark, by_user)
    query = select(*columns, func.count()).join(jobs, jobs.c.seq == job_pages.c.job)
    query = query.where(jobs.c.run == run).group_by(*columns)
    return found + [_tally(row, alone=False) for row in tx.execute(query)]


def _tally(row: Sequence[Any], *, alone: bool) -> PageTally:
    step, state, mark, by_user, count = row
    return PageTally(step, State(state), mark, bool(by_user), alone, count)
