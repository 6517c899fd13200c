"""Workspaces, by the absolute path of their METS or by their id, and which server looks after each."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, exists, insert, or_, select, union, update

from offizin.errors import WorkspaceDeleted, WorkspaceUnknown
from offizin.jobs import LIVE
from offizin.store import dialects
from offizin.store.prepared import Prepared
from offizin.store.tables import delays, deltas, jobs, pieces, runs, workspaces
from offizin.store.transaction import Transaction

# Values in one statement.
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Holding:
    """``epoch`` counts how often the owner has changed: what was known under another one may no longer be so."""

    owner: int | None
    epoch: int


@dataclass(frozen=True, slots=True)
class WorkspaceRow:
    """``id`` is what the outside sees. The files of a ``managed`` one are ours, and go with it; of others we know the
    path of their METS alone. ``base_version``: the SHA-512 of the payload manifest that it came with, or empty."""

    seq: int
    id: str
    mets: str
    managed: bool
    description: str
    added_at: float
    deleted_at: float | None
    base_version: str


@dataclass(frozen=True, slots=True)
class NewWorkspace:
    id: str
    mets: str
    managed: bool
    description: str
    base_version: str


_rows = select(
    workspaces.c.seq, workspaces.c.id, workspaces.c.mets, workspaces.c.managed, workspaces.c.description,
    workspaces.c.added_at, workspaces.c.deleted_at, workspaces.c.base_version,
)  # fmt: skip
_find = Prepared(select(workspaces.c.seq).where(workspaces.c.mets == bindparam("path")))
_holding = Prepared(select(workspaces.c.owner, workspaces.c.epoch).where(workspaces.c.seq == bindparam("of")))


def find(tx: Transaction, mets: str) -> int | None:
    found = _find.rows(tx, {"path": mets})
    return int(found[0][0]) if found else None


def find_or_add(tx: Transaction, mets: str, now: float, new_id: str, owner: int = 1) -> int:
    """The number of the workspace whose METS has this absolute path; ``new_id`` and ``owner`` are those of a new one.
    One that was only forgotten is known again. Raises WorkspaceDeleted when its files are to go."""
    found = find(tx, mets)
    if found is None:
        values = {"id": new_id, "mets": mets, "added_at": now, "owner": owner}
        return dialects.inserted_number(tx, insert(workspaces).values(values))
    row = by_seq(tx, found)
    if row.deleted_at is not None:
        if row.managed:
            raise deleted(row)
        tx.execute(update(workspaces).where(workspaces.c.seq == found).values(deleted_at=None))
    return found


def add(tx: Transaction, new: NewWorkspace, now: float, owner: int) -> int:
    values = {
        "id": new.id, "mets": new.mets, "managed": new.managed, "description": new.description,
        "base_version": new.base_version, "added_at": now, "owner": owner,
    }  # fmt: skip
    return dialects.inserted_number(tx, insert(workspaces).values(values))


def describe(tx: Transaction, workspace: int, description: str, base_version: str) -> None:
    values = {"description": description, "base_version": base_version}
    tx.execute(update(workspaces).where(workspaces.c.seq == workspace).values(values))


def delete(tx: Transaction, workspace: int, now: float) -> None:
    """Its row stays, so that it is known to have been there."""
    tx.execute(update(workspaces).where(workspaces.c.seq == workspace).values(deleted_at=now))


def by_seq(tx: Transaction, workspace: int) -> WorkspaceRow:
    return _row(tuple(tx.execute(_rows.where(workspaces.c.seq == workspace)).one()))


def by_id(tx: Transaction, workspace_id: str) -> WorkspaceRow:
    """Raises WorkspaceUnknown, WorkspaceDeleted."""
    found = tx.execute(_rows.where(workspaces.c.id == workspace_id)).one_or_none()
    if found is None:
        raise WorkspaceUnknown(f"there is no workspace {workspace_id}", advice="GET /workspace lists them.")
    row = _row(tuple(found))
    if row.deleted_at is not None:
        raise deleted(row)
    return row


def listed(tx: Transaction, *, before: int | None = None, limit: int) -> list[WorkspaceRow]:
    """Those that are not deleted, the newest first; ``before`` is the ``seq`` of the last one of the page before."""
    query = _rows.where(workspaces.c.deleted_at.is_(None)).order_by(workspaces.c.seq.desc()).limit(limit)
    if before is not None:
        query = query.where(workspaces.c.seq < before)
    return [_row(tuple(row)) for row in tx.execute(query)]


def states_of(tx: Transaction, ids: Sequence[str]) -> dict[str, bool]:
    """Whether each of these ids that are known was deleted."""
    found = {}
    for start in range(0, len(ids), _CHUNK):
        query = select(workspaces.c.id, workspaces.c.deleted_at)
        rows = tx.execute(query.where(workspaces.c.id.in_(ids[start : start + _CHUNK])))
        found.update({workspace_id: deleted_at is not None for workspace_id, deleted_at in rows})
    return found


def deleted(row: WorkspaceRow) -> WorkspaceDeleted:
    return WorkspaceDeleted(f"the workspace {row.id} was deleted", advice="GET /workspace lists those that are there.")


def _row(row: Sequence[Any]) -> WorkspaceRow:
    seq, workspace_id, mets, managed, description, added_at, deleted_at, base_version = row
    return WorkspaceRow(seq, workspace_id, mets, bool(managed), description, added_at, deleted_at, base_version)


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
