"""Priorities and tags."""

from __future__ import annotations

from offizin.jobs import State
from offizin.store import fair_order, jobs, pieces, runs
from offizin.store.jobs import Ending, Revival
from offizin.store.transaction import Database, Transaction
from tests.conformance.store.submitted import PROCESSOR, new_book_job, new_jobs, new_run

OTHER = "ocrd-other"


async def test_a_new_priority_is_that_of_all_jobs_and_pieces_whatever_their_state(database: Database) -> None:
    def write(tx: Transaction) -> None:
        run = new_run(tx)
        new_jobs(tx, run, 3)
        book = new_book_job(tx, run, 2)
        pieces.cut(tx, book, PROCESSOR, 0, 1, 0, [[0], [1]])
        jobs.queue(tx, [1, book], 1.0)
        pieces.queue(tx, [(book, 0)])
        jobs.end_attempts(tx, [Ending(2, State.FAILED, None, "", 1.0, 2.0, 1.0, 0, 0)])
        fair_order.set_priority(tx, run, 7)
        # comes back from the window, and is retried
        jobs.end_attempts(tx, [Ending(1, State.CACHED, None, "", None, None, 1.0, 1, 0)])
        jobs.revive(tx, [Revival(2, 9, PROCESSOR)])
        row = pieces.row(tx, book, 0)
        assert row is not None
        pieces.set_states(tx, [(row, State.CACHED)])

    await database.write(write)
    assert (await database.read(lambda tx: runs.by_seq(tx, 1))).priority == 7
    assert {job.priority for job in await database.read(lambda tx: jobs.ready(tx, PROCESSOR, 9))} == {7}
    ready = await database.read(lambda tx: pieces.ready(tx, PROCESSOR, 9))
    assert [piece.priority for piece in ready] == [7, 7]


async def test_tags_of_what_waits_are_shifted(database: Database) -> None:
    def write(tx: Transaction) -> None:
        run = new_run(tx)
        new_jobs(tx, run, 3, first_tag=4)
        new_jobs(tx, run, 1, first_tag=6, processor=OTHER)
        book = new_book_job(tx, run, 2, tag=2)
        pieces.cut(tx, book, PROCESSOR, 0, 2, 0, [[0], [1]])
        jobs.queue(tx, [1, book], 1.0)
        pieces.queue(tx, [(book, 0)])
        new_jobs(tx, new_run(tx, "r2"), 1, first_tag=1)
        assert fair_order.first_tags(tx, run) == {PROCESSOR: 3, OTHER: 6}
        fair_order.shift_tags(tx, run, PROCESSOR, 100)

    await database.write(write)
    assert [job.tag for job in await database.read(lambda tx: jobs.ready(tx, PROCESSOR, 9))] == [1, 105, 106]
    assert [job.tag for job in await database.read(lambda tx: jobs.ready(tx, OTHER, 9))] == [6]
    assert [piece.tag for piece in await database.read(lambda tx: pieces.ready(tx, PROCESSOR, 9))] == [103]


async def test_virtual_time_is_the_highest_tag_that_has_left_by_processor_and_priority(database: Database) -> None:
    def write(tx: Transaction) -> None:
        first = new_run(tx, "r1")
        new_jobs(tx, first, 5)
        new_jobs(tx, first, 5, processor=OTHER)
        urgent = new_run(tx, "r2", priority=2)
        new_jobs(tx, urgent, 5, first_tag=40, priority=2)
        jobs.queue(tx, [1, 2, 3, 6, 11], 1.0)
        jobs.end_attempts(tx, [Ending(2, State.SUCCESS, None, "", 1.0, 2.0, 1.0, 0, 0)])

    await database.write(write)
    assert await database.read(fair_order.virtual_times) == {
        (PROCESSOR, 0): 3, (OTHER, 0): 1, (PROCESSOR, 2): 40,
    }  # fmt: skip


async def test_virtual_time_is_at_least_just_before_the_first_that_waits(database: Database) -> None:
    await database.write(lambda tx: new_jobs(tx, new_run(tx), 3, first_tag=500))
    assert await database.read(fair_order.virtual_times) == {(PROCESSOR, 0): 499}


async def test_runs_that_have_ended_do_not_count(database: Database) -> None:
    def write(tx: Transaction) -> None:
        run = new_run(tx)
        new_jobs(tx, run, 1, first_tag=500)
        jobs.queue(tx, [1], 1.0)
        runs.end(tx, run, State.SUCCESS, "", 2.0)

    await database.write(write)
    assert await database.read(fair_order.virtual_times) == {}


async def test_pieces_move_virtual_time_as_jobs_do(database: Database) -> None:
    def write(tx: Transaction) -> None:
        book = new_book_job(tx, new_run(tx), 9, tag=1)
        pieces.cut(tx, book, PROCESSOR, 0, 1, 0, [[0, 1, 2], [3, 4, 5], [6, 7, 8]])
        jobs.queue(tx, [book], 1.0)
        pieces.queue(tx, [(book, 0), (book, 1)])

    await database.write(write)
    assert await database.read(fair_order.virtual_times) == {(PROCESSOR, 0): 6}
