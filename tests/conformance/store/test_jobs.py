"""Rows of jobs, and what is done to them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from offizin.jobs import RunKind, State
from offizin.store import edges, jobs, runs, shown_jobs
from offizin.store.edges import Edge, EdgeKind
from offizin.store.jobs import Ending, JobRow, NewJob, Revival
from offizin.store.transaction import Database, Transaction
from tests.conformance.store.submitted import METS, PROCESSOR, new_book_job, new_jobs, new_run

DONE = Ending(1, State.SUCCESS, None, "", 11.0, 12.5, 1.5, tries=0, losses=0)


async def row(database: Database, seq: int) -> JobRow:
    return (await database.read(lambda tx: jobs.rows(tx, [seq])))[seq]


async def some_jobs(database: Database, count: int, *, open_edges: int = 0) -> list[int]:
    def write(tx: Transaction) -> list[int]:
        return new_jobs(tx, new_run(tx, jobs_in_it=count), count, open_edges=open_edges)

    return await database.write(write)


async def test_numbers_go_on_from_the_last_job(database: Database) -> None:
    assert await database.read(jobs.next_number) == 1
    await some_jobs(database, 3)
    assert await database.read(jobs.next_number) == 4


async def test_a_new_job_waits(database: Database) -> None:
    (seq,) = await some_jobs(database, 1, open_edges=2)
    assert await row(database, seq) == JobRow(
        seq, "j1", 1, 0, "p1", 1, PROCESSOR, State.CACHED, 2, attempt=0, tries=0, losses=0, cancelling=False
    )


async def test_adding_no_jobs_writes_none(database: Database) -> None:
    await database.write(lambda tx: jobs.add(tx, 1, 0, 1, []))
    assert await database.read(jobs.next_number) == 1


async def test_jobs_are_found_by_number_by_id_and_by_run(database: Database) -> None:
    seqs = await some_jobs(database, 3)

    def look(tx: Transaction) -> None:
        assert set(jobs.rows(tx, seqs)) == set(seqs)
        assert jobs.rows(tx, []) == {}
        assert {name: found.seq for name, found in jobs.rows_by_id(tx, ["j2", "j9"]).items()} == {"j2": 2}
        assert jobs.rows_by_id(tx, []) == {}
        assert [found.seq for found in jobs.of_run(tx, 1)] == seqs
        assert jobs.of_run(tx, 1, {State.FAILED}) == []
        assert jobs.ids_of_run(tx, 1) == [("p1", "j1"), ("p2", "j2"), ("p3", "j3")]

    await database.read(look)


async def test_more_jobs_than_a_statement_has_room_for_are_found(database: Database) -> None:
    seqs = await some_jobs(database, 40_000)
    assert len(await database.read(lambda tx: jobs.rows(tx, seqs))) == 40_000
    await database.write(lambda tx: jobs.cancel_waiting(tx, seqs, None, "", 5.0))
    assert await database.read(lambda tx: jobs.ends_of_run(tx, 1)) == {(State.CANCELLED, "")}


async def test_jobs_are_ready_by_priority_then_tag_then_number(database: Database) -> None:
    def write(tx: Transaction) -> None:
        run = new_run(tx)
        new_jobs(tx, run, 2, first_tag=5)  # 1, 2
        new_jobs(tx, run, 2, first_tag=5)  # 3, 4
        new_jobs(tx, run, 2, first_tag=100, priority=1)  # 5, 6
        new_jobs(tx, run, 1, first_tag=1, open_edges=1)  # 7 waits for another
        new_jobs(tx, run, 1, first_tag=1, processor="ocrd-other")  # 8

    await database.write(write)
    ready = await database.read(lambda tx: jobs.ready(tx, PROCESSOR, 10))
    assert [job.seq for job in ready] == [5, 6, 1, 3, 2, 4]
    assert [job.seq for job in await database.read(lambda tx: jobs.ready(tx, PROCESSOR, 3))] == [5, 6, 1]
    assert await database.read(jobs.ready_processors) == {PROCESSOR, "ocrd-other"}


async def test_a_job_in_the_window_has_a_new_attempt_and_is_not_ready(database: Database) -> None:
    first, second = await some_jobs(database, 2)
    await database.write(lambda tx: jobs.queue(tx, [first], 11.0))
    assert await row(database, first) == replace(await row(database, first), state=State.QUEUED, attempt=1)
    assert [job.seq for job in await database.read(lambda tx: jobs.ready(tx, PROCESSOR, 10))] == [second]
    assert [found.seq for found in await database.read(jobs.in_flight)] == [first]


async def test_only_the_attempt_in_the_window_begins(database: Database) -> None:
    (seq,) = await some_jobs(database, 1)
    await database.write(lambda tx: jobs.queue(tx, [seq], 11.0))
    await database.write(lambda tx: jobs.mark_running(tx, [(seq, 7, 12.0)]))
    assert (await row(database, seq)).state is State.QUEUED
    await database.write(lambda tx: jobs.mark_running(tx, [(seq, 1, 12.0)]))
    assert (await row(database, seq)).state is State.RUNNING
    await database.write(lambda tx: jobs.end_attempts(tx, [DONE]))
    await database.write(lambda tx: jobs.mark_running(tx, [(seq, 1, 13.0)]))
    assert (await row(database, seq)).state is State.SUCCESS


async def test_an_ended_attempt_leaves_its_story(database: Database) -> None:
    await some_jobs(database, 2)

    def write(tx: Transaction) -> None:
        jobs.mark_cancelling(tx, [1, 2])
        failed = Ending(2, State.FAILED, "CRASH", "boom", 11.0, 13.0, 2.0, tries=1, losses=2)
        jobs.end_attempts(tx, [DONE, failed])
        jobs.end_attempts(tx, [])

    await database.write(write)
    one, two = await database.read(shown_jobs.shown)
    assert (one.state, one.cause, one.seconds, one.ended_at) == (State.SUCCESS, None, 1.5, 12.5)
    assert (two.state, two.cause, two.message, two.started_at) == (State.FAILED, "CRASH", "boom", 11.0)
    assert not two.cancelling
    assert (await row(database, 2)).losses == 2


async def test_a_job_of_many_pages_takes_as_long_as_from_its_first_piece(database: Database) -> None:
    seq = await database.write(lambda tx: new_book_job(tx, new_run(tx), 3))
    await database.write(lambda tx: jobs.queue(tx, [seq], 20.0))
    await database.write(lambda tx: jobs.mark_running(tx, [(seq, 1, 21.0)]))
    await database.write(lambda tx: jobs.end_whole(tx, seq, State.FAILED, "CRASH", "1 of 3 pages", 25.0))
    (shown,) = await database.read(lambda tx: shown_jobs.shown(tx, ids=[f"j{seq}"]))
    assert (shown.state, shown.seconds, shown.started_at, shown.ended_at) == (State.FAILED, 4.0, 21.0, 25.0)


async def test_edges_are_counted_down_and_the_last_one_makes_ready(database: Database) -> None:
    first, second = await some_jobs(database, 2, open_edges=2)
    await database.write(
        lambda tx: edges.add(
            tx, [Edge(7, first, EdgeKind.NEEDS), Edge(8, first, EdgeKind.AFTER), Edge(8, second, EdgeKind.NEEDS)]
        )
    )
    assert await database.write(lambda tx: jobs.close_edges(tx, [8])) == set()
    assert [(await row(database, seq)).open_edges for seq in (first, second)] == [1, 1]
    assert await database.write(lambda tx: jobs.close_edges(tx, [7])) == {PROCESSOR}
    assert (await row(database, first)).open_edges == 0
    assert await database.write(lambda tx: jobs.close_edges(tx, [])) == set()


async def test_edges_of_several_jobs_are_closed_at_once(database: Database) -> None:
    first, second = await some_jobs(database, 2, open_edges=2)
    await database.write(
        lambda tx: edges.add(
            tx, [Edge(7, first, EdgeKind.NEEDS), Edge(8, first, EdgeKind.AFTER), Edge(8, second, EdgeKind.NEEDS)]
        )
    )
    assert await database.write(lambda tx: jobs.close_edges(tx, [7, 8])) == {PROCESSOR}
    assert [(await row(database, seq)).open_edges for seq in (first, second)] == [0, 1]


async def test_a_job_that_is_over_does_not_become_ready(database: Database) -> None:
    (seq,) = await some_jobs(database, 1, open_edges=1)
    await database.write(lambda tx: edges.add(tx, [Edge(7, seq, EdgeKind.NEEDS)]))
    await database.write(lambda tx: jobs.cancel_waiting(tx, [seq], None, "", 1.0))
    assert await database.write(lambda tx: jobs.close_edges(tx, [7])) == set()


async def test_a_revived_job_is_like_new_but_for_its_attempts(database: Database) -> None:
    (seq,) = await some_jobs(database, 1)
    await database.write(lambda tx: jobs.queue(tx, [seq], 11.0))
    await database.write(
        lambda tx: jobs.end_attempts(tx, [Ending(seq, State.FAILED, "EXIT", "no", 1.0, 2.0, 1.0, tries=2, losses=1)])
    )
    await database.write(lambda tx: jobs.revive(tx, [Revival(seq, 77, PROCESSOR, alternative=2, overwrite=True)]))
    assert await row(database, seq) == JobRow(
        seq, "j1", 1, 0, "p1", 1, PROCESSOR, State.CACHED, 0, attempt=1, tries=0, losses=0, cancelling=False,
        alternative=2, overwrite=True,
    )  # fmt: skip
    (ready,) = await database.read(lambda tx: jobs.ready(tx, PROCESSOR, 1))
    assert (ready.tag, ready.alternative, ready.overwrite) == (77, 2, True)
    await database.write(lambda tx: jobs.set_open_edges(tx, [(seq, 3)]))
    assert (await row(database, seq)).open_edges == 3
    (shown,) = await database.read(shown_jobs.shown)
    assert (shown.cause, shown.message, shown.ended_at, shown.seconds) == (None, "", None, None)


async def test_live_jobs_of_a_step(database: Database) -> None:
    first, second = await some_jobs(database, 2)
    await database.write(lambda tx: jobs.end_attempts(tx, [replace(DONE, seq=first)]))
    assert [found.seq for found in await database.read(lambda tx: jobs.live_of_step(tx, 1, 0))] == [second]
    assert await database.read(lambda tx: jobs.live_of_step(tx, 1, 1)) == []


async def test_jobs_are_shown_with_their_run_and_in_pages(database: Database) -> None:
    await some_jobs(database, 5)
    await database.write(lambda tx: jobs.end_attempts(tx, [replace(DONE, seq=2)]))
    await database.write(lambda tx: runs.end(tx, 1, State.SUCCESS, "", 30.0))

    def look(tx: Transaction) -> None:
        assert [job.seq for job in shown_jobs.shown(tx, after=1, limit=3)] == [2, 3, 4]
        (job,) = shown_jobs.shown(tx, states=[State.SUCCESS])
        assert (job.id, job.run_id, job.mets, job.kind, job.run_ended) == ("j2", "r1", METS, RunKind.WORKFLOW, True)
        assert (job.input_file_grps, job.output_file_grps) == ('["G0"]', '["G1"]')
        assert shown_jobs.shown(tx, run=2) == []
        assert shown_jobs.shown(tx, processor="ocrd-other") == []
        assert [job.id for job in shown_jobs.shown(tx, ids=["j4", "j1"])] == ["j1", "j4"]

    await database.read(look)


async def test_two_jobs_may_not_have_one_id(database: Database) -> None:
    def write(tx: Transaction) -> None:
        jobs.add(tx, 1, 0, 1, [NewJob("same", 0, "p1", 1, PROCESSOR, 1, 0)])
        jobs.add(tx, 1, 0, 2, [NewJob("same", 0, "p2", 1, PROCESSOR, 2, 0)])

    with pytest.raises(Exception, match=r"(?i)unique"):
        await database.write(write)
    assert await database.read(jobs.next_number) == 1
