"""Changes of state, one row for each transaction that made some, so that readers can follow from any point."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import bindparam, delete, func, insert, select

from offizin.store.prepared import Prepared
from offizin.store.tables import events
from offizin.store.transaction import Transaction

# Of a step, told as a change of its run (or of no run: of a processor on a host): nothing more of it begins now.
PAUSED = "PAUSED"
RESUMED = "RESUMED"


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """A job's or a run's new state (``run`` is the run's id, ``job`` empty for a change of the run itself), or that a
    step of the run is PAUSED or RESUMED."""

    run: str
    state: str
    job: str = ""
    step: int = 0
    page: str | None = None
    cause: str | None = None
    message: str = ""


class Recorded(msgspec.Struct, frozen=True):
    """All changes of one transaction. ``seq`` grows; ``at`` in seconds since the epoch."""

    seq: int
    at: float
    changes: list[Change]


_add = Prepared(insert(events).values(at=bindparam("at"), body=bindparam("body")).returning(events.c.seq))
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(list[Change])


def add(tx: Transaction, changes: Sequence[Change], now: float) -> int:
    """The number of the new row, 0 when there was nothing to write."""
    if not changes:
        return 0
    return int(_add.rows(tx, {"at": now, "body": _encoder.encode(list(changes))})[0][0])


def after(tx: Transaction, seq: int, limit: int) -> list[Recorded]:
    query = select(events).where(events.c.seq > seq).order_by(events.c.seq).limit(limit)
    return [Recorded(row.seq, row.at, _decoder.decode(row.body)) for row in tx.execute(query)]


def last(tx: Transaction) -> int:
    return int(tx.execute(select(func.coalesce(func.max(events.c.seq), 0))).scalar_one())


def forget_before(tx: Transaction, at: float) -> None:
    newest = select(func.max(events.c.seq)).scalar_subquery()
    tx.execute(delete(events).where(events.c.at < at, events.c.seq < newest))
