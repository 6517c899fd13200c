"""Workspaces, by the absolute path of their METS, and which server looks after each."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import bindparam, exists, insert, or_, select, union, update

from offizin.jobs import LIVE
from offizin.store import dialects
from offizin.store.prepared import Prepared
from offizin.store.tables import delays, deltas, jobs, pieces, runs, workspaces
from offizin.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Holding:
    """``epoch`` counts how often the owner has changed: what was known under another one may no longer be so."""

    owner: int | None
    epoch: int


_find = Prepared(select(workspaces.c.seq).where(workspaces.c.mets == bindparam("path")))
_holding = Prepared(select(workspaces.c.owner, workspaces.c.epoch).where(workspaces.c.seq == bindparam("of")))


def find(tx: Transaction, mets: str) -> int | None:
    found = _find.rows(tx, {"path": mets})
    return int(found[0][0]) if found else None


def find_or_add(tx: Transaction, mets: str, now: float, owner: int = 1) -> int:
    """The number of the workspace whose METS has this absolute path; ``owner`` is that of a new one."""
    found = find(tx, mets)
    if found is not None:
        return found
    return dialects.inserted_number(tx, insert(workspaces).values(mets=mets, added_at=now, owner=owner))


def mets_path(tx: Transaction, workspace: int) -> str:
    return str(tx.execute(select(workspaces.c.mets).where(workspaces.c.seq == workspace)).scalar_one())


def holding(tx: Transaction, workspace: int) -> Holding:
    return Holding(*_holding.rows(tx, {"of": workspace})[0])


def has_work(tx: Transaction, workspace: int) -> bool:
    """Whether it has runs that have not ended, or results that are not in its METS."""
    live = exists().where(runs.c.workspace == workspace, runs.c.ended_at.is_(None))
    unsaved = exists().where(deltas.c.workspace == workspace)
    return bool(tx.execute(select(or_(live, unsaved))).scalar_one())


def with_work_of(tx: Transaction, server: int, limit: int) -> list[tuple[int, str]]:
    """``(workspace, METS)`` of up to ``limit`` of this server for which ``has_work`` holds."""
    live = select(runs.c.workspace).where(runs.c.ended_at.is_(None))
    found = select(workspaces.c.seq, workspaces.c.mets).where(workspaces.c.owner == server)
    both = union(
        found.where(workspaces.c.seq.in_(live)), found.where(workspaces.c.seq.in_(select(deltas.c.workspace)))
    ).limit(limit)
    return [(seq, mets) for seq, mets in tx.execute(both)]


def move(tx: Transaction, which: Collection[int], to: int) -> None:
    """Another server owns these workspaces from now on, and all live jobs on them."""
    wanted = list(which)
    statement = update(workspaces).where(workspaces.c.seq.in_(wanted))
    tx.execute(statement.values(owner=to, epoch=workspaces.c.epoch + 1))
    live_runs = select(runs.c.seq).where(runs.c.workspace.in_(wanted), runs.c.ended_at.is_(None))
    live_jobs = (jobs.c.run.in_(live_runs), jobs.c.state.in_(list(LIVE)))
    for table in (pieces, delays):
        tx.execute(update(table).where(table.c.job.in_(select(jobs.c.seq).where(*live_jobs))).values(server=to))
    tx.execute(update(jobs).where(*live_jobs).values(server=to))
