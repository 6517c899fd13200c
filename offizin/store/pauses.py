"""Processors and hosts that get no new work, until somebody says otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import delete, insert, select

from offizin.store.tables import pauses
from offizin.store.transaction import Transaction


class PauseKind(StrEnum):
    PROCESSOR = "processor"
    HOST = "host"


@dataclass(frozen=True, slots=True)
class PauseRow:
    """``since`` in seconds since the epoch."""

    kind: PauseKind
    name: str
    since: float


def add(tx: Transaction, kind: PauseKind, name: str, now: float) -> None:
    """What is paused already stays so since then."""
    if not any((row.kind, row.name) == (kind, name) for row in all_of_them(tx)):
        tx.execute(insert(pauses).values(kind=kind, name=name, since=now))


def remove(tx: Transaction, kind: PauseKind, name: str) -> bool:
    """Whether it was paused."""
    return bool(tx.execute(delete(pauses).where(pauses.c.kind == kind, pauses.c.name == name)).rowcount)


def all_of_them(tx: Transaction) -> list[PauseRow]:
    query = select(pauses.c.kind, pauses.c.name, pauses.c.since).order_by(pauses.c.since, pauses.c.kind, pauses.c.name)
    return [PauseRow(PauseKind(kind), name, since) for kind, name, since in tx.execute(query)]
