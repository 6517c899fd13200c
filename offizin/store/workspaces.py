"""Workspaces, by the absolute path of their METS."""

from __future__ import annotations

from sqlalchemy import bindparam, insert, select

from offizin.store import dialects
from offizin.store.prepared import Prepared
from offizin.store.tables import workspaces
from offizin.store.transaction import Transaction

_find = Prepared(select(workspaces.c.seq).where(workspaces.c.mets == bindparam("path")))


def find(tx: Transaction, mets: str) -> int | None:
    found = _find.rows(tx, {"path": mets})
    return int(found[0][0]) if found else None


def find_or_add(tx: Transaction, mets: str, now: float) -> int:
    """The number of the workspace whose METS has this absolute path."""
    found = find(tx, mets)
    if found is not None:
        return found
    return dialects.inserted_number(tx, insert(workspaces).values(mets=mets, added_at=now))


def mets_path(tx: Transaction, workspace: int) -> str:
    return str(tx.execute(select(workspaces.c.mets).where(workspaces.c.seq == workspace)).scalar_one())
