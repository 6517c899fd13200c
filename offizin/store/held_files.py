"""Files that a live attempt has added through a METS server: they outlive a crash, and join its delta at its end."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import bindparam, delete, insert, select, tuple_

from offizin.jobs import LIVE
from offizin.messages import File
from offizin.store.prepared import Prepared
from offizin.store.tables import held_files, jobs
from offizin.store.transaction import Transaction

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(File)


@dataclass(frozen=True, slots=True)
class HeldFile:
    """``job`` is the job's number."""

    workspace: int
    job: int
    piece: int
    attempt: int
    file: File


_columns = ("workspace", "job", "piece", "attempt", "body")
_add = Prepared(insert(held_files).values({name: bindparam(name) for name in _columns}))
_drop = Prepared(
    delete(held_files).where(held_files.c.job == bindparam("of"), held_files.c.piece == bindparam("which"))
)


def add(tx: Transaction, new: Sequence[HeldFile]) -> None:
    rows = [(held.workspace, held.job, held.piece, held.attempt, _encoder.encode(held.file)) for held in new]
    _add.run_many(tx, [dict(zip(_columns, row, strict=True)) for row in rows])


def of_pieces(tx: Transaction, wanted: Collection[tuple[int, int]]) -> list[HeldFile]:
    """Of these (job, piece), whatever the attempt, in the order they came."""
    if not wanted:
        return []
    which = tuple_(held_files.c.job, held_files.c.piece).in_(list(wanted))
    rows = tx.execute(select(held_files).where(which).order_by(held_files.c.seq))
    return [HeldFile(row.workspace, row.job, row.piece, row.attempt, _decoder.decode(row.body)) for row in rows]


def drop(tx: Transaction, which: Collection[tuple[int, int]]) -> None:
    """All of these (job, piece): the attempt is over."""
    _drop.run_many(tx, [{"of": job, "which": piece} for job, piece in which])


def forget_over(tx: Transaction) -> None:
    """Those of jobs that are over in another way than with their result."""
    live = select(jobs.c.seq).where(jobs.c.seq == held_files.c.job, jobs.c.state.in_(list(LIVE)))
    tx.execute(delete(held_files).where(~live.exists()))
