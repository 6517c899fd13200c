"""Edges: found from both ends, and put in a new order when jobs wait again."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select

from offizin.jobs import State
from offizin.store import edges, jobs, tables
from offizin.store.edges import Edge, EdgeKind
from offizin.store.jobs import Ending
from offizin.store.transaction import Database, Transaction
from tests.conformance.store.submitted import new_jobs, new_run

OVER = Ending(0, State.FAILED, None, "", 1.0, 2.0, 1.0, 0, 0)
AFTER, NEEDS = EdgeKind.AFTER, EdgeKind.NEEDS


async def write(database: Database, over: list[int], *there: Edge) -> None:
    """Five jobs; those named are over."""

    def work(tx: Transaction) -> None:
        new_jobs(tx, new_run(tx), 5)
        jobs.end_attempts(tx, [replace(OVER, seq=seq) for seq in over])
        edges.add(tx, there)

    await database.write(work)


async def everything(database: Database) -> set[Edge]:
    def read(tx: Transaction) -> set[Edge]:
        return {Edge(row.predecessor, row.successor, EdgeKind(row.kind)) for row in tx.execute(select(tables.edges))}

    return await database.read(read)


async def test_edges_are_found_from_their_beginning(database: Database) -> None:
    await write(database, [], Edge(1, 2, NEEDS), Edge(1, 3, AFTER), Edge(2, 3, NEEDS))
    assert set(await database.read(lambda tx: edges.starting_at(tx, [1]))) == {Edge(1, 2, NEEDS), Edge(1, 3, AFTER)}
    assert await database.read(lambda tx: edges.starting_at(tx, [])) == []


async def test_only_edges_from_jobs_that_are_not_over_are_open(database: Database) -> None:
    await write(database, [1], Edge(1, 4, NEEDS), Edge(2, 4, NEEDS), Edge(3, 4, AFTER), Edge(1, 5, NEEDS))
    assert await database.read(lambda tx: edges.open_edges(tx, [4, 5])) == {4: 2, 5: 0}


async def test_who_waits_again_waits_for_what_is_live_and_nothing_live_is_counted_twice(database: Database) -> None:
    await write(database, [1, 2], Edge(1, 2, NEEDS), Edge(1, 3, NEEDS), Edge(2, 3, AFTER), Edge(4, 5, AFTER))
    anew = [Edge(1, 2, NEEDS), Edge(3, 1, AFTER), Edge(3, 2, AFTER)]
    await database.write(lambda tx: edges.reorder(tx, [1, 2], anew))
    assert await everything(database) == {*anew, Edge(4, 5, AFTER)}


async def test_what_a_job_was_submitted_to_depend_on_it_still_depends_on(database: Database) -> None:
    await write(database, [3], Edge(1, 3, NEEDS), Edge(2, 3, AFTER))
    await database.write(lambda tx: edges.reorder(tx, [3], [Edge(1, 3, AFTER), Edge(2, 3, NEEDS)]))
    assert await everything(database) == {Edge(1, 3, NEEDS), Edge(2, 3, NEEDS)}


async def test_jobs_that_were_retried_in_turn_do_not_wait_for_each_other(database: Database) -> None:
    """2 was put behind 1, then 1 behind 2: only the last order holds."""
    await write(database, [1], Edge(1, 2, NEEDS))
    await database.write(lambda tx: edges.reorder(tx, [1], [Edge(2, 1, AFTER)]))
    assert await everything(database) == {Edge(2, 1, AFTER)}
    await database.write(lambda tx: jobs.end_attempts(tx, [replace(OVER, seq=2)]))
    await database.write(lambda tx: edges.reorder(tx, [1, 2], [Edge(1, 2, NEEDS)]))
    assert await everything(database) == {Edge(1, 2, NEEDS)}
