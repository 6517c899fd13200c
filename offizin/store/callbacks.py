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


def add(tx: Transaction, new: Sequence[tuple[str, str]], now: float, server: int = 1) -> None:
    """``(url, body)``, due at once, to be made by this server."""
    if new:
        rows = [{"url": u, "body": b, "tries": 0, "due_at": now, "server": server} for u, b in new]
        tx.execute(insert(callbacks), rows)


def due(tx: Transaction, now: float, limit: int, server: int = 1) -> list[Callback]:
    query = select(callbacks).where(callbacks.c.server == server, callbacks.c.due_at <= now)
    rows = tx.execute(query.order_by(callbacks.c.due_at).limit(limit))
    return [Callback(row.seq, row.url, row.body, row.tries, row.due_at) for row in rows]


def next_due(tx: Transaction, server: int = 1) -> float | None:
    query = select(func.min(callbacks.c.due_at)).where(callbacks.c.server == server)
    found: float | None = tx.execute(query).scalar_one()
    return found


def move(tx: Transaction, server: int, to: int) -> None:
    """Another server makes them from now on."""
    tx.execute(update(callbacks).where(callbacks.c.server == server).values(server=to))


def delivered(tx: Transaction, seq: int) -> None:
    tx.execute(delete(callbacks).where(callbacks.c.seq == seq))


def put_off(tx: Transaction, seq: int, due_at: float) -> None:
    tx.execute(update(callbacks).where(callbacks.c.seq == seq).values(tries=callbacks.c.tries + 1, due_at=due_at))
