"""The statements of the hot path find what they want by index, however much waits. Told by plans, not by clocks.

SQLite's plans: PostgreSQL's depend on what it has counted, and so on when it did.
Nobody runs ANALYZE on these databases, so a plan does not depend on what is in them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import pytest

from offizin.scheduling.recovery import recover
from offizin.scheduling.retry_policy import Limits
from offizin.store import attempts, callbacks, deltas, edges, events, fair_order, jobs, pieces, runs, workspaces
from offizin.store.transaction import Database, Transaction
from tests.conformance.store.submitted import PROCESSOR, new_book_job, new_jobs, new_run

pytestmark = pytest.mark.parametrize("database", ["sqlite", "inline"], indirect=True)

WAITING = 100_000


def plans(tx: Transaction, work: Callable[[Transaction], object]) -> list[str]:
    """Run ``work``; one line for each statement's way to its rows."""
    driver = tx.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    seen: list[str] = []
    driver.set_trace_callback(seen.append)
    work(tx)
    driver.set_trace_callback(None)
    found = []
    for statement in seen:
        if statement.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE")):
            rows = driver.execute(f"EXPLAIN QUERY PLAN {statement}")
            found.append(" | ".join(str(row[3]) for row in rows))
    assert found
    return found


def little(tx: Transaction) -> None:
    run = new_run(tx, jobs_in_it=3)
    new_jobs(tx, run, 2)
    new_book_job(tx, run, 3)


def much(tx: Transaction) -> None:
    """Many jobs that wait, for edges or their turn, some in flight, a few books, and an old run that is over."""
    for number in range(4):
        run = new_run(tx, f"r{number}", jobs_in_it=WAITING // 4)
        new_jobs(tx, run, WAITING // 8)
        new_jobs(tx, run, WAITING // 8, open_edges=1)
    over = new_run(tx, "old", jobs_in_it=1)
    new_book_job(tx, over, 100)
    runs.end(tx, over, runs.State.SUCCESS, "", 1.0)
    jobs.queue(tx, range(1, 20), 1.0)


async def the_plans(database: Database, work: Callable[[Transaction], object]) -> list[str]:
    return await database.write(lambda tx: plans(tx, work))


async def test_the_ready_order_is_the_order_of_an_index(database: Database) -> None:
    (plan,) = await the_plans(database, lambda tx: jobs.ready(tx, PROCESSOR, 8))
    assert plan == "SEARCH jobs USING INDEX jobs_ready (server=? AND processor=?)"


async def test_a_hundred_thousand_waiting_jobs_do_not_change_how_the_next_ones_are_found(database: Database) -> None:
    """The same index and no sorting: no more rows are read than are asked for."""
    empty = await the_plans(database, lambda tx: jobs.ready(tx, PROCESSOR, 8))
    await database.write(much)
    assert await the_plans(database, lambda tx: jobs.ready(tx, PROCESSOR, 8)) == empty
    assert "TEMP B-TREE" not in empty[0]
    ready = await database.read(lambda tx: jobs.ready(tx, PROCESSOR, 8))
    assert [job.tag for job in ready] == [1, 1, 1, 1, 2, 2, 2, 3]


async def test_ready_pieces_are_found_the_same_way(database: Database) -> None:
    (plan,) = await the_plans(database, lambda tx: pieces.ready(tx, PROCESSOR, 8))
    assert "USING INDEX pieces_ready" in plan
    assert "TEMP B-TREE" not in plan
    assert "SCAN" not in plan


# Of what another part of the statement has found, and of what is said in it.
NO_SCANS = ("SCAN behind", "SCAN CONSTANT ROW")

HOT: dict[str, Callable[[Transaction], object]] = {
    "a job enters the window": lambda tx: jobs.queue(tx, [1], 1.0),
    "a piece enters the window": lambda tx: pieces.queue(tx, [(1, 0)]),
    "a job begins": lambda tx: jobs.mark_running(tx, [(1, 1, 1.0)]),
    "a job ends": lambda tx: jobs.end_attempts(tx, [jobs.Ending(1, jobs.State.SUCCESS, None, "", 1.0, 2.0, 1.0, 0, 0)]),
    "rows of jobs": lambda tx: jobs.rows(tx, [1, 2, 3]),
    "jobs by id": lambda tx: jobs.rows_by_id(tx, ["j1", "j2"]),
    "edges count down": lambda tx: jobs.close_edges(tx, [1, 2]),
    "who waits behind": lambda tx: edges.starting_at(tx, [1, 2]),
    "a run counts down": lambda tx: runs.jobs_ended(tx, [(1, 1)]),
    "a run by number": lambda tx: runs.by_seq(tx, 1),
    "steps of a run": lambda tx: runs.steps_of(tx, 1),
    "deltas of a workspace": lambda tx: deltas.of_workspace(tx, 1),
    "deltas are saved": lambda tx: deltas.saved(tx, 1, 1),
    "pages of a piece": lambda tx: pieces.pages_of_piece(tx, 1, 0),
    "open pieces of a job": lambda tx: pieces.open_pieces(tx, 1),
    "the next number": jobs.next_number,
    "attempts of a job": lambda tx: attempts.of_job(tx, 1),
    "callbacks that are due": lambda tx: callbacks.due(tx, 1.0, 5),
    "events after one": lambda tx: events.after(tx, 1, 5),
    "live runs of a workspace": lambda tx: runs.live_steps(tx, 1),
    "whose a workspace is": lambda tx: workspaces.holding(tx, 1),
    "whether a workspace has work": lambda tx: workspaces.has_work(tx, 1),
    "whose a job is": lambda tx: jobs.server_of(tx, "j1"),
    "whose jobs are": lambda tx: jobs.owners(tx, ["j1", "j2"]),
    "whose jobs others wait for": lambda tx: edges.owners_before(tx, [1, 2]),
    "when the next callback is due": callbacks.next_due,
    "a workspace gets another owner": lambda tx: workspaces.move(tx, [1], 2),
    "what is in flight": jobs.in_flight,
    "pieces in flight": pieces.in_flight,
}


@pytest.mark.parametrize("what", list(HOT))
async def test_nothing_on_the_hot_path_reads_a_whole_table(database: Database, what: str) -> None:
    await database.write(little)
    for plan in await the_plans(database, HOT[what]):
        # A scan of a list of numbers that was handed in, of an index that holds only what is wanted, or of what a part
        # of the statement has found is none.
        scans = [part for part in plan.split(" | ") if part.startswith("SCAN")]
        assert all("json_each" in scan or "in_flight" in scan or scan in NO_SCANS for scan in scans), plan


async def test_recovery_looks_at_what_was_in_flight_and_not_at_what_waits(database: Database) -> None:
    for plan in await the_plans(database, lambda tx: recover(tx, Limits(), 5.0)):
        scans = [part for part in plan.split(" | ") if part.startswith("SCAN")]
        assert all("json_each" in scan or "in_flight" in scan for scan in scans), plan


async def test_a_start_reads_the_jobs_of_live_runs_only(database: Database) -> None:
    for plan in await the_plans(database, fair_order.virtual_times):
        assert "SCAN jobs" not in plan
        assert "SCAN pieces" not in plan
