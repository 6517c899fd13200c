"""Priorities and tags of jobs and pieces: what decides who is next (scheduling.window)."""

from __future__ import annotations

from sqlalchemy import case, func, select, update

from offizin.jobs import State
from offizin.store.tables import jobs, pieces, runs, workspaces
from offizin.store.transaction import Transaction


def set_priority(tx: Transaction, run: int, priority: int) -> None:
    """Of the run and all its jobs: what is in flight may come back, and what is over may be retried."""
    tx.execute(update(runs).where(runs.c.seq == run).values(priority=priority))
    tx.execute(update(jobs).where(jobs.c.run == run).values(priority=priority))
    of_run = select(jobs.c.seq).where(jobs.c.run == run)
    tx.execute(update(pieces).where(pieces.c.job.in_(of_run)).values(priority=priority))


def shift_tags(tx: Transaction, run: int, processor: str, by: int) -> None:
    """Move what waits back or forth in the fair order."""
    of_run = (jobs.c.run == run, jobs.c.processor == processor)
    tx.execute(update(jobs).where(*of_run, jobs.c.state == State.CACHED).values(tag=jobs.c.tag + by))
    waiting = (pieces.c.job.in_(select(jobs.c.seq).where(*of_run)), pieces.c.state == State.CACHED)
    tx.execute(update(pieces).where(*waiting).values(tag=pieces.c.tag + by))


def first_tags(tx: Transaction, run: int) -> dict[str, int]:
    """For each processor the tag of what comes first of the run's jobs and pieces that wait."""
    found: dict[str, int] = {}
    of_jobs = select(jobs.c.processor, func.min(jobs.c.tag)).where(jobs.c.run == run, jobs.c.state == State.CACHED)
    of_pieces = (
        select(pieces.c.processor, func.min(pieces.c.tag))
        .join(jobs, jobs.c.seq == pieces.c.job)
        .where(jobs.c.run == run, pieces.c.state == State.CACHED)
    )
    for query in (of_jobs.group_by(jobs.c.processor), of_pieces.group_by(pieces.c.processor)):
        for processor, tag in tx.execute(query):
            found[processor] = min(tag, found.get(processor, tag))
    return found


def virtual_times(tx: Transaction, server: int = 1) -> dict[tuple[str, int], int]:
    """How far this server's fair order of each processor and priority has come, to judge by the runs that have not
    ended: to the highest tag that has left, and at least to just before the first that waits."""
    found: dict[tuple[str, int], int] = {}
    live_runs = (
        select(runs.c.seq)
        .join(workspaces, workspaces.c.seq == runs.c.workspace)
        .where(runs.c.ended_at.is_(None), workspaces.c.owner == server)
    )
    of_pieces = select(pieces).join(jobs, jobs.c.seq == pieces.c.job)
    for query, table in ((select(jobs), jobs), (of_pieces, pieces)):
        live = query.with_only_columns(
            table.c.processor,
            table.c.priority,
            func.max(case((table.c.state != State.CACHED, table.c.tag))),
            func.min(case((table.c.state == State.CACHED, table.c.tag))),
        )
        live = live.where(jobs.c.run.in_(live_runs)).group_by(table.c.processor, table.c.priority)
        for processor, priority, left, waits in tx.execute(live):
            time = max(left or 0, 0 if waits is None else waits - 1)
            found[processor, priority] = max(time, found.get((processor, priority), 0))
    return found
