"""What those see who watch: what is paused, what is under way, how much is open."""

from __future__ import annotations

from offizin.jobs import State
from offizin.store import callbacks, holders, jobs, pauses, pieces, under_way
from offizin.store.backlog import Backlog, backlog
from offizin.store.holders import Hold
from offizin.store.pauses import PauseKind, PauseRow
from offizin.store.transaction import Database, Transaction
from offizin.store.under_way import PieceUnderWay
from tests.conformance.store.submitted import PROCESSOR, new_book_job, new_jobs, new_run


async def test_what_is_paused_stays_so_since_then_until_it_is_resumed(database: Database) -> None:
    await database.write(lambda tx: pauses.add(tx, PauseKind.PROCESSOR, "ocrd-dummy", 5.0))
    await database.write(lambda tx: pauses.add(tx, PauseKind.HOST, "ocrd-dummy", 6.0))
    await database.write(lambda tx: pauses.add(tx, PauseKind.PROCESSOR, "ocrd-dummy", 7.0))
    rows = [PauseRow(PauseKind.PROCESSOR, "ocrd-dummy", 5.0), PauseRow(PauseKind.HOST, "ocrd-dummy", 6.0)]
    assert await database.read(pauses.all_of_them) == rows
    assert await database.write(lambda tx: pauses.remove(tx, PauseKind.PROCESSOR, "ocrd-dummy"))
    assert not await database.write(lambda tx: pauses.remove(tx, PauseKind.PROCESSOR, "ocrd-dummy"))
    assert await database.read(pauses.all_of_them) == rows[1:]


async def test_what_is_under_way_is_named_with_who_has_it(database: Database) -> None:
    def write(tx: Transaction) -> None:
        run = new_run(tx, jobs_in_it=3)
        one, _waits = new_jobs(tx, run, 2)
        whole = new_book_job(tx, run, 5)
        pieces.cut(tx, whole, PROCESSOR, 0, 1, 0, [[0, 1], [2, 3, 4]])
        jobs.queue(tx, [one, whole], 5.0)
        pieces.queue(tx, [(whole, 1)])
        holders.hold(tx, [Hold(one, 0, 1, False, "s1")])

    await database.write(write)
    found = await database.read(under_way.all_of_them)
    assert found == [
        PieceUnderWay("r1", 0, "j1", 1, 0, PROCESSOR, "p1", 1, State.QUEUED, None, 1, "s1"),
        PieceUnderWay("r1", 0, "j3", 1, 1, PROCESSOR, None, 3, State.QUEUED, None, 1, None),
    ]


async def test_what_is_open_is_counted_for_its_server(database: Database) -> None:
    def write(tx: Transaction) -> None:
        run = new_run(tx, jobs_in_it=6)
        one, *_ready = new_jobs(tx, run, 3)
        new_jobs(tx, run, 2, open_edges=1)
        new_jobs(tx, run, 1, processor="ocrd-other")
        jobs.queue(tx, [one], 5.0)
        callbacks.add(tx, [("http://one", "{}"), ("http://two", "{}")], 10.0)
        callbacks.put_off(tx, 1, 20.0)

    await database.write(write)
    counts = {(PROCESSOR, "ready"): 2, (PROCESSOR, "queued"): 1, ("ocrd-other", "ready"): 1}
    assert await database.read(lambda tx: backlog(tx, 1, 15.0)) == Backlog(1, 6, counts, due=1, put_off=1)
    assert await database.read(lambda tx: backlog(tx, 2, 15.0)) == Backlog(0, 0, {}, due=0, put_off=0)
