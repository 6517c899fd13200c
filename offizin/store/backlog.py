"""How much is open, for those who watch. Nothing here is on the hot path; the counts read as many rows of an index as
they count."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select, text

from offizin.store.tables import IN_FLIGHT, READY, callbacks, jobs, runs, workspaces
from offizin.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Backlog:
    """Of one server. ``jobs``: by processor and state, those that wait for no other; ``open_jobs``: all that are not
    over; callbacks that are ``due``, and that are ``put_off``."""

    runs: int
    open_jobs: int
    jobs: dict[tuple[str, str], int]
    due: int
    put_off: int


def backlog(tx: Transaction, server: int, now: float) -> Backlog:
    live = (
        select(func.count(), func.coalesce(func.sum(runs.c.open_jobs), 0))
        .select_from(runs.join(workspaces, workspaces.c.seq == runs.c.workspace))
        .where(text("runs.ended_at IS NULL"), workspaces.c.owner == server)
    )
    number, open_jobs = tx.execute(live).one()
    ready = (
        select(jobs.c.processor, func.count()).where(jobs.c.server == server, text(READY)).group_by(jobs.c.processor)
    )
    found = {(processor, "ready"): count for processor, count in tx.execute(ready)}
    in_flight = (
        select(jobs.c.processor, func.lower(jobs.c.state), func.count())
        .where(jobs.c.server == server, text(IN_FLIGHT))
        .group_by(jobs.c.processor, jobs.c.state)
    )
    found |= {(processor, state): count for processor, state, count in tx.execute(in_flight)}
    calls = select(func.count()).where(callbacks.c.server == server)
    due = tx.execute(calls.where(callbacks.c.due_at <= now)).scalar_one()
    all_calls = tx.execute(calls).scalar_one()
    return Backlog(int(number), int(open_jobs), found, int(due), int(all_calls - due))
