"""Which server looks after a workspace, on every database."""

from __future__ import annotations

from uuid import uuid4

import pytest

from offizin.errors import OwnedElsewhere
from offizin.jobs import State
from offizin.messages import Delta, File
from offizin.scheduling.ownership import Moved, Ownership
from offizin.store import callbacks, deltas, edges, fair_order, jobs, pieces, runs, servers, workspaces
from offizin.store.edges import Edge, EdgeKind
from offizin.store.transaction import Database, Transaction
from offizin.store.workspaces import Holding
from tests.conformance.store.submitted import METS, PROCESSOR, new_book_job, new_jobs, new_run

OTHER = "/books/two/mets.xml"


def enter(tx: Transaction) -> tuple[Ownership, Ownership]:
    """Two servers; the first one has both workspaces."""
    found = [servers.enter(tx, name, f"http://{name}", 1.0, alone=False).identity for name in ("one", "two")]
    for mets in (METS, OTHER):
        workspaces.find_or_add(tx, mets, 1.0, str(uuid4()), found[0].seq)
    return Ownership(found[0]), Ownership(found[1])


async def test_a_workspace_without_work_goes_to_whoever_asks(database: Database) -> None:
    one, two = await database.write(enter)
    assert await database.write(lambda tx: one.take(tx, 1)) == 0
    assert await database.write(lambda tx: two.take(tx, 1)) == 1
    assert await database.read(lambda tx: workspaces.holding(tx, 1)) == Holding(two.server, 1)
    assert not await database.read(lambda tx: one.holds(tx, 1, 0))
    assert await database.read(lambda tx: two.holds(tx, 1, 1))
    assert await database.write(lambda tx: one.take(tx, 1)) == 2
    assert not await database.read(lambda tx: one.holds(tx, 1, 0))


async def test_what_was_known_under_an_earlier_owner_is_not_gone_on_with(database: Database) -> None:
    one, two = await database.write(enter)
    await database.write(lambda tx: two.take(tx, 1))
    with pytest.raises(Moved):
        await database.write(lambda tx: one.take(tx, 1, known=0))
    assert await database.read(lambda tx: workspaces.holding(tx, 1)) == Holding(two.server, 1)
    assert await database.write(lambda tx: two.take(tx, 1, known=1)) == 1


async def test_a_workspace_with_a_live_run_stays_with_its_owner(database: Database) -> None:
    _, two = await database.write(enter)
    run = await database.write(new_run)
    with pytest.raises(OwnedElsewhere, match="http://one") as caught:
        await database.write(lambda tx: two.take(tx, 1))
    assert caught.value.address == "http://one"
    assert await database.write(lambda tx: two.take(tx, 2)) == 1
    await database.write(lambda tx: runs.end(tx, run, State.SUCCESS, "", 2.0))
    assert await database.write(lambda tx: two.take(tx, 1)) == 1


async def test_a_workspace_whose_results_are_not_saved_stays_with_its_owner(database: Database) -> None:
    _, two = await database.write(enter)
    await database.write(lambda tx: deltas.add(tx, [(1, [Delta(files=[File("a", "G", "text/xml", "p1", "a.xml")])])]))
    with pytest.raises(OwnedElsewhere):
        await database.write(lambda tx: two.take(tx, 1))


async def test_work_that_waits_for_that_of_another_server_is_refused(database: Database) -> None:
    one, two = await database.write(enter)

    def write(tx: Transaction) -> list[int]:
        (before,) = new_jobs(tx, new_run(tx, jobs_in_it=1), 1)
        (behind,) = new_jobs(tx, new_run(tx, "r2", mets=OTHER, jobs_in_it=1), 1, open_edges=1)
        edges.add(tx, [Edge(before, behind, EdgeKind.NEEDS)])
        return [before, behind]

    before, behind = await database.write(write)
    await database.read(lambda tx: one.check_predecessors(tx, [behind]))
    with pytest.raises(OwnedElsewhere, match=METS):
        await database.read(lambda tx: two.check_predecessors(tx, [behind]))
    await database.write(lambda tx: jobs.cancel_waiting(tx, [before], None, "", 2.0))
    await database.read(lambda tx: two.check_predecessors(tx, [behind]))


def work(tx: Transaction) -> None:
    """On the first workspace a job, a book in pieces of which one is out, and one that is over; on the second a job."""
    run = new_run(tx, jobs_in_it=3)
    _, over = new_jobs(tx, run, 2)
    book = new_book_job(tx, run, 3, tag=5)
    pieces.cut(tx, book, PROCESSOR, 0, 5, 0, [[0], [1, 2]])
    jobs.queue(tx, [book], 1.0)
    pieces.queue(tx, [(book, 0)])
    jobs.end_attempts(tx, [jobs.Ending(over, State.SUCCESS, None, "", 1.0, 2.0, 1.0, 0, 0)])
    new_jobs(tx, new_run(tx, "r2", mets=OTHER, jobs_in_it=0), 1)
    callbacks.add(tx, [("http://a", "1")], 1.0, 1)


def seen_by(tx: Transaction, server: int) -> dict[str, object]:
    return {
        "jobs": [job.seq for job in jobs.ready(tx, PROCESSOR, 9, server)],
        "pieces": [(piece.seq, piece.number) for piece in pieces.ready(tx, PROCESSOR, 9, server)],
        "processors": jobs.ready_processors(tx, server) | pieces.ready_processors(tx, server),
        "in flight": [row.seq for row in jobs.in_flight(tx, server)],
        "pieces in flight": [(row.job, row.number) for row in pieces.in_flight(tx, server)],
        "finished": runs.finished_but_not_ended(tx, server),
        "time": fair_order.virtual_times(tx, server),
        "calls": [call.url for call in callbacks.due(tx, 9.0, 9, server)],
        "with work": sorted(seq for seq, _ in workspaces.with_work_of(tx, server, 9)),
    }


async def test_what_is_moved_is_seen_by_its_new_owner_alone(database: Database) -> None:
    one, two = await database.write(enter)
    await database.write(work)
    nothing = await database.read(lambda tx: seen_by(tx, two.server))
    everything = await database.read(lambda tx: seen_by(tx, one.server))
    assert not any(nothing.values())
    assert everything == {
        "jobs": [1, 4], "pieces": [(3, 1)], "processors": {PROCESSOR}, "in flight": [3], "pieces in flight": [(3, 0)],
        "finished": [2], "time": {(PROCESSOR, 0): 5}, "calls": ["http://a"], "with work": [1, 2],
    }  # fmt: skip

    def move(tx: Transaction) -> None:
        workspaces.move(tx, [seq for seq, _ in workspaces.with_work_of(tx, one.server, 9)], two.server)
        callbacks.move(tx, one.server, two.server)

    await database.write(move)
    assert await database.read(lambda tx: seen_by(tx, one.server)) == nothing
    assert await database.read(lambda tx: seen_by(tx, two.server)) == everything


async def test_only_so_many_workspaces_are_told_at_once(database: Database) -> None:
    one, _ = await database.write(enter)
    await database.write(work)
    assert len(await database.read(lambda tx: workspaces.with_work_of(tx, one.server, 1))) == 1
