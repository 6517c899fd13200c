"""Callbacks that are to be made: they outlive a restart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select, update

from offizin.store.tables import callbacks
from offizin.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Callback:
    """``body`` is the JSON text to POST; ``due_at`` in seconds since the epoch."""

    seq: int
    url: str
    body: str
    tries: int
    due_at: float


def add(tx: Transaction, new: Sequence[tuple[str, str]], now: float) -> None:
    """``(url, body)``, due at once."""
    if new:
        tx.execute(insert(callbacks), [{"url": u, "body": b, "tries": 0, "due_at": now} for u, b in new])


def due(tx: Transaction, now: float, limit: int) -> list[Callback]:
    query = select(callbacks).where(callbacks.c.due_at <= now).order_by(callbacks.c.due_at).limit(limit)
    return [Callback(row.seq, row.url, row.body, row.tries, row.due_at) for row in tx.execute(query)]


def next_due(tx: Transaction) -> float | None:
    found: float | None = tx.execute(select(func.min(callbacks.c.due_at))).scalar_one()
    return found


def delivered(tx: Transaction, seq: int) -> None:
    tx.execute(delete(callbacks).where(callbacks.c.seq == seq))


def put_off(tx: Transaction, seq: int, due_at: float) -> None:
    tx.execute(update(callbacks).where(callbacks.c.seq == seq).values(tries=callbacks.c.tries + 1, due_at=due_at))
