"""What waits for what: edges between jobs, fixed when the successor is submitted."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, or_, select, text

from offizin.jobs import LIVE
from offizin.store.jobs import CHUNK
from offizin.store.prepared import Prepared, among, numbers
from offizin.store.tables import edges, jobs, runs, workspaces
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


_add = Prepared(insert(edges).values({name: bindparam(name) for name in ("predecessor", "successor", "kind")}))
_from = Prepared(select(edges.c.predecessor, edges.c.successor, edges.c.kind).where(among(edges.c.predecessor, "seqs")))
_to = Prepared(select(edges.c.predecessor, edges.c.successor, edges.c.kind).where(among(edges.c.successor, "ended")))
_to_live = Prepared(
    select(edges.c.predecessor, edges.c.successor)
    .join(jobs, jobs.c.seq == edges.c.successor)
    .where(
        among(edges.c.predecessor, "ended"),
        or_(text("jobs.state IN ('CACHED', 'QUEUED', 'RUNNING')"), among(edges.c.successor, "ended")),
    )
)
_delete = Prepared(
    delete(edges).where(edges.c.predecessor == bindparam("from_job"), edges.c.successor == bindparam("to_job"))
)


def add(tx: Transaction, new: Iterable[Edge]) -> None:
    _add.run_many(tx, [{"predecessor": e.predecessor, "successor": e.successor, "kind": e.kind.value} for e in new])


def starting_at(tx: Transaction, predecessors: Collection[int]) -> list[Edge]:
    if not predecessors:
        return []
    rows = _from.rows(tx, {"seqs": numbers(tx, predecessors)})
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


def owners_before(tx: Transaction, successors: Collection[int]) -> list[tuple[str, int]]:
    """``(METS, server)`` of the live jobs that these wait for."""
    found: list[tuple[str, int]] = []
    wanted = list(successors)
    for start in range(0, len(wanted), CHUNK):
        query = (
            select(workspaces.c.mets, jobs.c.server)
            .join(jobs, jobs.c.seq == edges.c.predecessor)
            .join(runs, runs.c.seq == jobs.c.run)
            .join(workspaces, workspaces.c.seq == runs.c.workspace)
            .where(edges.c.successor.in_(wanted[start : start + CHUNK]), jobs.c.state.in_(list(LIVE)))
            .distinct()
        )
        found.extend((mets, server) for mets, server in tx.execute(query))
    return found


def reorder(tx: Transaction, ended: Collection[int], new: Collection[Edge]) -> None:
    """Jobs that are over wait again, behind all that are live: ``new`` edges lead to them.

    Their edges to live jobs are closed and go, or they would be counted a second time; those among themselves are given
    anew. What leads to them from elsewhere stays: they may have been submitted to depend on it.
    """
    wanted = {"ended": numbers(tx, ended)}
    rows: list[Any] = list(_to_live.rows(tx, wanted))
    _delete.run_many(tx, [{"from_job": row[0], "to_job": row[1]} for row in rows])
    rows = list(_to.rows(tx, wanted))
    there = {(row[0], row[1]): row[2] for row in rows}
    stronger = [e for e in new if there.get((e.predecessor, e.successor)) == EdgeKind.AFTER]
    _delete.run_many(tx, [{"from_job": e.predecessor, "to_job": e.successor} for e in stronger])
    add(tx, [e for e in new if there.get((e.predecessor, e.successor)) != EdgeKind.NEEDS])
