"""A piece of work is done whole or not at all."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from offizin.settings import SyncMode
from offizin.store import jobs, runs, workspaces
from offizin.store.tables import metadata
from offizin.store.transaction import Database, SqliteDatabase, Transaction
from tests.conformance.store.submitted import METS, new_jobs, new_run


def count_rows(tx: Transaction) -> dict[str, int]:
    return {
        table.name: tx.execute(select(func.count()).select_from(table)).scalar_one() for table in metadata.sorted_tables
    }


async def test_what_the_work_returns_comes_back(database: Database) -> None:
    number = await database.write(lambda tx: workspaces.find_or_add(tx, METS, 1.0, str(uuid4())))
    assert await database.read(lambda tx: workspaces.find(tx, METS)) == number


async def test_a_failing_transaction_leaves_nothing(database: Database) -> None:
    def fails(tx: Transaction) -> None:
        run = new_run(tx, jobs_in_it=2)
        new_jobs(tx, run, 2)
        raise ZeroDivisionError

    before = await database.read(count_rows)
    with pytest.raises(ZeroDivisionError):
        await database.write(fails)
    assert await database.read(count_rows) == before


async def test_a_statement_that_fails_takes_its_transaction_along(database: Database) -> None:
    def twice(tx: Transaction) -> None:
        new_run(tx, "r1")
        new_run(tx, "r1")

    with pytest.raises(Exception, match=r"(?i)unique"):
        await database.write(twice)
    assert await database.read(lambda tx: runs.by_id(tx, "r1")) is None


async def test_after_a_failure_the_next_transaction_works(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        await database.write(lambda tx: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        await database.read(lambda tx: 1 // 0)
    run = await database.write(new_run, synced=True)
    assert await database.read(lambda tx: runs.by_seq(tx, run).id) == "r1"


async def test_writers_wait_for_each_other_and_lose_nothing(database: Database) -> None:
    run = await database.write(new_run)
    await asyncio.gather(*(database.write(lambda tx: new_jobs(tx, run, 3)) for _ in range(20)))
    rows = await database.read(lambda tx: jobs.of_run(tx, run))
    assert [row.seq for row in rows] == list(range(1, 61))


async def test_writes_come_back_in_the_order_they_were_asked_for(database: Database) -> None:
    """Completion and dispatch rely on it: who committed first goes on first."""
    order: list[int] = []

    async def write(number: int) -> None:
        await database.write(lambda tx: workspaces.find_or_add(tx, f"/{number}", 1.0, str(uuid4())))
        order.append(number)

    await asyncio.gather(*(write(number) for number in range(30)))
    assert order == list(range(30))


@pytest.mark.parametrize("sync", list(SyncMode))
async def test_what_is_written_is_there_after_opening_anew(tmp_path: Path, sync: SyncMode) -> None:
    path = tmp_path / "offizin.sqlite"
    first = await SqliteDatabase.open(path, sync)
    await first.write(lambda tx: new_run(tx, "r1"))
    await first.write(lambda tx: new_run(tx, "r2"), synced=True)
    await first.close()
    second = await SqliteDatabase.open(path, sync)
    assert [run.id for run in await second.read(runs.listed)] == ["r2", "r1"]
    await second.close()
