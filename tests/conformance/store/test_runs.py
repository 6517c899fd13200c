"""Runs and their steps."""

from __future__ import annotations

from offizin.jobs import RunKind, State
from offizin.store import jobs, runs
from offizin.store.jobs import Ending
from offizin.store.transaction import Database, Transaction
from tests.conformance.store.submitted import METS, new_jobs, new_run, step


async def test_a_new_run_is_open(database: Database) -> None:
    seq = await database.write(lambda tx: new_run(tx, jobs_in_it=4, priority=3, callback_url="http://x"))
    run = await database.read(lambda tx: runs.by_seq(tx, seq))
    assert (run.id, run.state, run.open_jobs, run.all_jobs, run.ended_at) == ("r1", State.RUNNING, 4, 4, None)
    assert (run.mets, run.priority, run.kind, run.callback_url) == (METS, 3, RunKind.WORKFLOW, "http://x")
    assert run.page_wise is True
    assert run.overwrite is False
    assert await database.read(lambda tx: runs.by_id(tx, "r1")) == run
    assert await database.read(lambda tx: runs.by_id(tx, "r2")) is None
    assert await database.read(lambda tx: runs.ids(tx, [seq])) == {seq: "r1"}
    assert await database.read(lambda tx: runs.ids(tx, [])) == {}
    assert await database.read(runs.how_many_live) == 1


async def test_steps_come_back_in_order(database: Database) -> None:
    steps = [step(1, "ocrd-rec"), step(0, "ocrd-seg")]
    seq = await database.write(lambda tx: new_run(tx, steps=steps))
    assert await database.read(lambda tx: runs.steps_of(tx, seq)) == steps[::-1]


async def test_live_steps_are_those_of_runs_that_have_not_ended(database: Database) -> None:
    first = await database.write(lambda tx: new_run(tx, "r1"))
    second = await database.write(lambda tx: new_run(tx, "r2"))
    await database.write(lambda tx: new_run(tx, "r3", mets="/books/two/mets.xml"))
    await database.write(lambda tx: runs.end(tx, first, State.SUCCESS, "", 20.0))
    workspace = (await database.read(lambda tx: runs.by_seq(tx, second))).workspace
    assert await database.read(lambda tx: runs.live_steps(tx, workspace)) == [(second, step())]


async def test_a_run_is_over_when_its_last_job_is(database: Database) -> None:
    one = await database.write(lambda tx: new_run(tx, "r1", jobs_in_it=3))
    two = await database.write(lambda tx: new_run(tx, "r2", jobs_in_it=1))
    assert await database.write(lambda tx: runs.jobs_ended(tx, [(one, 2)])) == []
    assert await database.write(lambda tx: runs.jobs_ended(tx, [(one, 1), (two, 1)])) == [one, two]
    assert await database.write(lambda tx: runs.jobs_ended(tx, [])) == []
    assert await database.read(runs.finished_but_not_ended) == [one, two]
    await database.write(lambda tx: runs.end(tx, one, State.FAILED, "not saved", 20.0))
    assert await database.read(runs.finished_but_not_ended) == [two]
    run = await database.read(lambda tx: runs.by_seq(tx, one))
    assert (run.state, run.message, run.ended_at) == (State.FAILED, "not saved", 20.0)


async def test_a_revived_run_is_open_again(database: Database) -> None:
    seq = await database.write(lambda tx: new_run(tx, jobs_in_it=1))
    await database.write(lambda tx: runs.jobs_ended(tx, [(seq, 1)]))
    await database.write(lambda tx: runs.end(tx, seq, State.FAILED, "no", 20.0))
    await database.write(lambda tx: runs.revive(tx, seq, 1))
    run = await database.read(lambda tx: runs.by_seq(tx, seq))
    assert (run.state, run.open_jobs, run.ended_at, run.message) == (State.RUNNING, 1, None, "")


async def test_runs_are_listed_newest_first_in_pages(database: Database) -> None:
    def write(tx: Transaction) -> None:
        for number in range(5):
            new_run(tx, f"r{number}", kind=RunKind.JOB if number == 2 else RunKind.WORKFLOW)
        new_run(tx, "other", mets="/books/two/mets.xml")
        runs.end(tx, 1, State.SUCCESS, "", 20.0)

    await database.write(write)

    def look(tx: Transaction) -> None:
        assert [run.id for run in runs.listed(tx, limit=2)] == ["other", "r4"]
        assert [run.id for run in runs.listed(tx, before=5, limit=2)] == ["r3", "r2"]
        assert [run.id for run in runs.listed(tx, kind=RunKind.JOB)] == ["r2"]
        assert [run.id for run in runs.listed(tx, state=State.SUCCESS)] == ["r0"]
        assert [run.id for run in runs.listed(tx, mets="/books/two/mets.xml")] == ["other"]

    await database.read(look)


async def test_jobs_are_counted_by_step_and_state(database: Database) -> None:
    def write(tx: Transaction) -> None:
        run = new_run(tx, steps=[step(0), step(1)])
        new_jobs(tx, run, 3)
        new_jobs(tx, run, 2, number_of_step=1)
        jobs.end_attempts(tx, [Ending(1, State.SUCCESS, None, "", 1.0, 2.0, 1.0, 0, 0)])

    await database.write(write)
    assert await database.read(lambda tx: runs.counts(tx, 1)) == {
        (0, State.SUCCESS): 1, (0, State.CACHED): 2, (1, State.CACHED): 2,
    }  # fmt: skip
    assert await database.read(lambda tx: jobs.ends_of_run(tx, 1)) == {(State.SUCCESS, ""), (State.CACHED, "")}
