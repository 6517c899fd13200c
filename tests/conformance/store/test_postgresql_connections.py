"""Connections to PostgreSQL get lost; transactions do not, and none is done twice."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text

from offizin.errors import Unavailable
from offizin.settings import SyncMode
from offizin.settings.database_url import DatabaseUrl
from offizin.store import runs, workspaces
from offizin.store.postgresql import PostgresqlDatabase
from offizin.store.transaction import Transaction
from tests.conformance.store.cut_connections import Cut, Proxy
from tests.conformance.store.submitted import new_run
from tests.postgresql_cluster import PostgresqlCluster

KILL_OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = "
KILL_ITSELF = text("SELECT pg_terminate_backend(pg_backend_pid())")


@pytest.fixture
async def database(postgresql_url: DatabaseUrl) -> AsyncIterator[PostgresqlDatabase]:
    opened = await PostgresqlDatabase.open(postgresql_url)
    yield opened
    await opened.close()


def run_ids(tx: Transaction) -> list[str]:
    return sorted(run.id for run in runs.listed(tx))


async def test_a_connection_lost_between_transactions_is_not_noticed(
    database: PostgresqlDatabase, postgresql_cluster: PostgresqlCluster, postgresql_url: DatabaseUrl
) -> None:
    await database.write(lambda tx: new_run(tx, "r1"))
    await database.read(run_ids)
    await postgresql_cluster.execute(f"{KILL_OTHERS}'{postgresql_url.database}'")
    await database.write(lambda tx: new_run(tx, "r2"))
    await postgresql_cluster.execute(f"{KILL_OTHERS}'{postgresql_url.database}'")
    assert await database.read(run_ids) == ["r1", "r2"]


async def test_work_whose_connection_is_lost_under_it_is_done_once_more(database: PostgresqlDatabase) -> None:
    tries = []

    def work(tx: Transaction) -> int:
        tries.append(1)
        run = new_run(tx, "r1")
        if len(tries) == 1:
            tx.execute(KILL_ITSELF)
        return run

    run = await database.write(work)
    assert len(tries) == 2
    assert await database.read(lambda tx: runs.by_seq(tx, run).id) == "r1"


async def test_work_that_loses_its_connection_again_is_given_up_and_nothing_is_written(
    database: PostgresqlDatabase,
) -> None:
    tries = []

    def work(tx: Transaction) -> None:
        tries.append(1)
        new_run(tx, "r1")
        tx.execute(KILL_ITSELF)

    with pytest.raises(Unavailable):
        await database.write(work)
    assert len(tries) == 2
    assert await database.read(run_ids) == []
    assert await database.write(lambda tx: workspaces.find_or_add(tx, "/b", 1.0, str(uuid4()))) > 0


@pytest.mark.parametrize("cut", [Cut.AFTER, Cut.BEFORE])
async def test_a_commit_whose_answer_is_lost_is_done_exactly_once(postgresql_url: DatabaseUrl, cut: Cut) -> None:
    """Counted by a counter: done twice it would show 2, and never done 0."""
    proxy = Proxy(postgresql_url)
    async with proxy.running() as url:
        database = await PostgresqlDatabase.open(url)
        run = await database.write(lambda tx: new_run(tx, "r1"))
        tries = []

        def work(tx: Transaction) -> str:
            tries.append(1)
            runs.revive(tx, run, 0)
            return f"answer {len(tries)}"

        proxy.cuts = [cut]
        answer = await database.write(work)
        assert proxy.cuts == []
        assert answer == f"answer {len(tries)}"
        assert len(tries) == (1 if cut is Cut.AFTER else 2)
        assert (await database.read(lambda tx: runs.by_seq(tx, run))).revivals == 1
        await database.close()


async def test_an_unknown_outcome_is_waited_for_until_the_database_can_be_asked(postgresql_url: DatabaseUrl) -> None:
    proxy = Proxy(postgresql_url)
    async with proxy.running() as url:
        clock = _WaitedClock()
        database = await PostgresqlDatabase.open(url, clock=clock)
        await database.write(new_run)
        proxy.cuts, proxy.refusing = [Cut.AFTER], True
        writing = asyncio.create_task(database.write(lambda tx: new_run(tx, "r2")))
        for _ in range(3):
            await clock.slept.acquire()
        assert not writing.done()
        proxy.refusing = False
        number = await writing
        assert (await database.read(lambda tx: runs.by_seq(tx, number))).id == "r2"
        await database.close()


async def test_a_database_that_has_gone_back_is_not_written_to(
    database: PostgresqlDatabase, postgresql_cluster: PostgresqlCluster, postgresql_url: DatabaseUrl
) -> None:
    """As after a crash that took transactions which were not synced, or when a backup was put back."""
    await database.write(new_run)
    await database.write(lambda tx: new_run(tx, "r2"))
    back = f"UPDATE writers SET transactions = 1; DELETE FROM runs WHERE id = 'r2'; {KILL_OTHERS}current_database()"
    for statement in back.split(";"):
        await postgresql_cluster.execute(statement, postgresql_url.database)
    for _ in range(2):
        with pytest.raises(Unavailable, match="has lost transactions") as refused:
            await database.write(lambda tx: new_run(tx, "r3"))
        assert "Restart" in refused.value.advice
    assert await database.read(run_ids) == ["r1"]


async def test_a_database_server_that_comes_back_is_used_again(
    database: PostgresqlDatabase, postgresql_cluster: PostgresqlCluster
) -> None:
    await database.write(new_run, synced=True)
    postgresql_cluster.stop()
    for refuses in (database.write(new_run), database.read(run_ids)):
        with pytest.raises(Unavailable) as refused:
            await refuses
        assert "pg_isready" in refused.value.advice
    postgresql_cluster.start()
    await database.write(lambda tx: new_run(tx, "r2"))
    assert await database.read(run_ids) == ["r1", "r2"]


async def test_work_goes_on_when_nobody_waits_for_it_any_more(database: PostgresqlDatabase) -> None:
    begun = asyncio.Event()

    def work(tx: Transaction) -> None:
        begun.set()
        new_run(tx, "r1")

    writing = asyncio.create_task(database.write(work))
    await begun.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    await database.write(lambda tx: new_run(tx, "r2"))
    assert await database.read(run_ids) == ["r1", "r2"]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [(SyncMode.SUBMISSIONS, ["on", "off"]), (SyncMode.EVERYTHING, ["on", "on"]), (SyncMode.NOTHING, ["off", "off"])],
)
async def test_what_is_synced(postgresql_url: DatabaseUrl, mode: SyncMode, expected: list[str]) -> None:
    database = await PostgresqlDatabase.open(postgresql_url, mode)

    def asked(tx: Transaction) -> str:
        return str(tx.execute(text("SHOW synchronous_commit")).scalar_one())

    assert [await database.write(asked, synced=True), await database.write(asked)] == expected
    await database.close()


async def test_readers_see_one_state_and_cannot_write(
    database: PostgresqlDatabase, postgresql_cluster: PostgresqlCluster, postgresql_url: DatabaseUrl
) -> None:
    def work(tx: Transaction) -> tuple[list[str], list[str]]:
        before = run_ids(tx)
        insert = "INSERT INTO workspaces (mets, added_at) VALUES ('/new', 1)"
        meanwhile = asyncio.new_event_loop()
        thread = threading.Thread(
            target=meanwhile.run_until_complete, args=(postgresql_cluster.execute(insert, postgresql_url.database),)
        )
        thread.start()
        thread.join()
        meanwhile.close()
        assert workspaces.find(tx, "/new") is None
        return before, run_ids(tx)

    await database.read(work)
    assert await database.read(lambda tx: workspaces.find(tx, "/new"))
    with pytest.raises(Exception, match="read-only"):
        await database.read(new_run)


async def test_what_is_told_when_a_database_cannot_be_opened(postgresql_url: DatabaseUrl, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no_such") as refused:
        await PostgresqlDatabase.open(replace(postgresql_url, database="no_such"))
    assert "createdb" in refused.value.advice
    with pytest.raises(Unavailable, match="cannot be used") as refused:
        await PostgresqlDatabase.open(replace(postgresql_url, host=str(tmp_path), password="secret"))
    assert "pg_isready" in refused.value.advice
    assert "secret" not in str(refused.value) + refused.value.advice


async def test_a_text_with_a_nul_is_stored(database: PostgresqlDatabase) -> None:
    """SQLite stores NUL, PostgreSQL cannot; a processor's last lines may hold anything."""
    run = await database.write(new_run)
    await database.write(lambda tx: runs.end(tx, run, runs.State.FAILED, "a\0b", 1.0))
    assert (await database.read(lambda tx: runs.by_seq(tx, run))).message == "a\ufffdb"


class _WaitedClock:
    """Does not sleep; counts how often it was asked to."""

    def __init__(self) -> None:
        self.slept = asyncio.Semaphore(0)

    def now(self) -> float:
        return 1.0

    def monotonic(self) -> float:
        return 1.0

    def new_id(self) -> str:
        return "one"

    async def sleep(self, seconds: float) -> None:
        self.slept.release()
        await asyncio.sleep(0)
