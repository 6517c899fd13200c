"""Which worker's session has taken which attempt over, and the sessions that may live."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, insert, select, text, update

from offizin.store.prepared import Prepared
from offizin.store.tables import IN_FLIGHT, jobs, pieces, sessions
from offizin.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Hold:
    """``job`` is the job's number; ``of_many``: it is a piece of a job of many pages."""

    job: int
    piece: int
    attempt: int
    of_many: bool
    session: str


@dataclass(frozen=True, slots=True)
class SessionRow:
    """``processors``: slots by name."""

    id: str
    host: str
    pid: int
    processors: dict[str, int]


_hold_job = Prepared(
    update(jobs)
    .where(jobs.c.seq == bindparam("job"), jobs.c.attempt == bindparam("number"), text(IN_FLIGHT))
    .values(holder=bindparam("session"))
)
_hold_piece = Prepared(
    update(pieces)
    .where(
        pieces.c.job == bindparam("of"),
        pieces.c.number == bindparam("which"),
        pieces.c.attempt == bindparam("at"),
        text(IN_FLIGHT),
    )
    .values(holder=bindparam("session"))
)


def hold(tx: Transaction, holds: Sequence[Hold]) -> None:
    """Note who has what; an attempt that is over stays as it is."""
    single = [{"job": h.job, "number": h.attempt, "session": h.session} for h in holds if not h.of_many]
    of_many = [{"of": h.job, "which": h.piece, "at": h.attempt, "session": h.session} for h in holds if h.of_many]
    _hold_job.run_many(tx, single)
    _hold_piece.run_many(tx, of_many)


def of_jobs(tx: Transaction, server: int) -> dict[int, str]:
    """The holders of jobs of one page that are in flight, by the job's number."""
    held = jobs.c.holder.is_not(None)
    query = select(jobs.c.seq, jobs.c.holder).where(jobs.c.server == server, text(IN_FLIGHT), held)
    return {seq: holder for seq, holder in tx.execute(query)}


def of_pieces(tx: Transaction, server: int) -> dict[tuple[int, int], str]:
    query = select(pieces.c.job, pieces.c.number, pieces.c.holder).where(
        pieces.c.server == server, text(IN_FLIGHT), pieces.c.holder.is_not(None)
    )
    return {(job, number): holder for job, number, holder in tx.execute(query)}


def add_session(tx: Transaction, session: str, host: str, pid: int, processors: Mapping[str, int], now: float) -> None:
    """Once more is the same as once."""
    if tx.execute(select(sessions.c.id).where(sessions.c.id == session)).one_or_none() is None:
        values = {
            "id": session,
            "host": host,
            "pid": pid,
            "processors": json.dumps(dict(processors)),
            "started_at": now,
        }
        tx.execute(insert(sessions).values(values))


def remove_session(tx: Transaction, session: str) -> None:
    tx.execute(delete(sessions).where(sessions.c.id == session))


def all_sessions(tx: Transaction) -> list[SessionRow]:
    query = select(sessions.c.id, sessions.c.host, sessions.c.pid, sessions.c.processors).order_by(
        sessions.c.started_at
    )
    return [SessionRow(row.id, row.host, row.pid, json.loads(row.processors)) for row in tx.execute(query)]
