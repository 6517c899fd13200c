"""What waits for what: edges between jobs, fixed when the successor is submitted."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, func, insert, select

from offizin.jobs import LIVE
from offizin.store.jobs import CHUNK
from offizin.store.prepared import Prepared, among, numbers
from offizin.store.tables import edges, jobs
from offizin.store.transaction import Transaction


class EdgeKind(StrEnum):
    NEEDS = "needs"  # the predecessor makes what the successor reads
    AFTER = (
        "after"  # the predecessor must only be over: both write, or one reads and one writes, the same group and page
    )


@dataclass(frozen=True, slots=True)
class Edge:
    predecessor: int
    successor: int
    kind: EdgeKind


_from = Prepared(select(edges.c.predecessor, edges.c.successor, edges.c.kind).where(among(edges.c.predecessor, "seqs")))


def add(tx: Transaction, new: Iterable[Edge]) -> None:
    values = [{"predecessor": e.predecessor, "successor": e.successor, "kind": e.kind.value} for e in new]
    if values:
        tx.execute(insert(edges), values)


def starting_at(tx: Transaction, predecessors: Collection[int]) -> list[Edge]:
    if not predecessors:
        return []
    rows = _from.run(tx, {"seqs": numbers(tx, predecessors)})
    found: list[Any] = list(rows)
    return [Edge(row[0], row[1], EdgeKind(row[2])) for row in found]


def open_edges(tx: Transaction, successors: Collection[int]) -> dict[int, int]:
    """For each of the jobs, how many of its predecessors are not over."""
    found = dict.fromkeys(successors, 0)
    wanted = list(successors)
    for start in range(0, len(wanted), CHUNK):
        rows = tx.execute(
            select(edges.c.successor, func.count())
            .join(jobs, jobs.c.seq == edges.c.predecessor)
            .where(edges.c.successor.in_(wanted[start : start + CHUNK]), jobs.c.state.in_(list(LIVE)))
            .group_by(edges.c.successor)
        )
        found.update({successor: count for successor, count in rows})
    return found


def replace(tx: Transaction, new: Collection[Edge]) -> None:
    """Write edges that may be there already (a retry meets jobs that it met before)."""
    for edge in new:
        tx.execute(delete(edges).where(edges.c.predecessor == edge.predecessor, edges.c.successor == edge.successor))
    add(tx, new)
