"""Workflow scripts that users have stored."""

from __future__ import annotations

from sqlalchemy import insert, select, update

from offizin.store.tables import workflows
from offizin.store.transaction import Transaction


def add(tx: Transaction, workflow_id: str, content: str, digest: str, now: float) -> None:
    tx.execute(insert(workflows).values(id=workflow_id, content=content, digest=digest, changed_at=now))


def content(tx: Transaction, workflow_id: str) -> str | None:
    return tx.execute(select(workflows.c.content).where(workflows.c.id == workflow_id)).scalar_one_or_none()


def with_digest(tx: Transaction, digest: str) -> str | None:
    """The id of a stored workflow with just this content."""
    query = select(workflows.c.id).where(workflows.c.digest == digest).order_by(workflows.c.changed_at).limit(1)
    return tx.execute(query).scalar_one_or_none()


def replace(tx: Transaction, workflow_id: str, content: str, digest: str, now: float) -> bool:
    """False when there is no such workflow."""
    statement = update(workflows).where(workflows.c.id == workflow_id)
    return bool(tx.execute(statement.values(content=content, digest=digest, changed_at=now)).rowcount)
