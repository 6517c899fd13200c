"""What attempts added to METS and is not yet in mets.xml."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, func, insert, select

from offizin.messages import Delta
from offizin.store.prepared import Prepared
from offizin.store.tables import deltas, workspaces
from offizin.store.transaction import Transaction

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(list[Delta])

_of_workspace = Prepared(
    select(deltas.c.seq, deltas.c.body).where(deltas.c.workspace == bindparam("of")).order_by(deltas.c.seq)
)
_saved = Prepared(delete(deltas).where(deltas.c.workspace == bindparam("of"), deltas.c.seq <= bindparam("last")))
_add = Prepared(insert(deltas).values(workspace=bindparam("workspace"), body=bindparam("body")))


def add(tx: Transaction, by_workspace: Sequence[tuple[int, Sequence[Delta]]]) -> None:
    """Hold the deltas of each workspace, after those that are there."""
    values = [{"workspace": workspace, "body": _encoder.encode(list(new))} for workspace, new in by_workspace if new]
    _add.run_many(tx, values)


def of_workspace(tx: Transaction, workspace: int) -> tuple[int, list[Delta]]:
    """The number of the last row, and all deltas in the order they came."""
    last, found = 0, []
    rows: list[Any] = list(_of_workspace.rows(tx, {"of": workspace}))
    for seq, body in rows:
        last = seq
        found.extend(_decoder.decode(body))
    return last, found


def saved(tx: Transaction, workspace: int, last: int) -> None:
    """All up to row ``last`` are in mets.xml now."""
    _saved.run(tx, {"of": workspace, "last": last})


def workspaces_with_unsaved(tx: Transaction, server: int = 1) -> list[tuple[int, int]]:
    """``(workspace, rows)`` of all workspaces of this server with something to save."""
    query = (
        select(deltas.c.workspace, func.count())
        .join(workspaces, workspaces.c.seq == deltas.c.workspace)
        .where(workspaces.c.owner == server)
        .group_by(deltas.c.workspace)
    )
    return [(workspace, count) for workspace, count in tx.execute(query)]
