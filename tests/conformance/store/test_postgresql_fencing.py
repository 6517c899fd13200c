"""A server that was taken over from writes no more, and servers hear of each other's changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from offizin.clock import SystemClock
from offizin.errors import TakenOver
from offizin.settings.database_url import DatabaseUrl
from offizin.store import events, servers
from offizin.store.events import Change
from offizin.store.postgresql import PostgresqlDatabase
from offizin.store.prepared import Prepared
from offizin.store.servers import ServerRow
from offizin.store.transaction import Transaction
from tests.postgresql_cluster import PostgresqlCluster


@pytest.fixture
async def one(postgresql_url: DatabaseUrl) -> AsyncIterator[PostgresqlDatabase]:
    opened = await PostgresqlDatabase.open(postgresql_url)
    yield opened
    await opened.close()


@pytest.fixture
async def two(postgresql_url: DatabaseUrl) -> AsyncIterator[PostgresqlDatabase]:
    opened = await PostgresqlDatabase.open(postgresql_url)
    yield opened
    await opened.close()


async def enter(database: PostgresqlDatabase, name: str) -> ServerRow:
    return await database.write(lambda tx: servers.enter(tx, name, "", 1.0, alone=False, writer=database.writer))


def change(tx: Transaction) -> int:
    return events.add(tx, [Change("r", "RUNNING")], 1.0)


async def test_a_server_that_was_taken_over_from_writes_no_more(
    one: PostgresqlDatabase, two: PostgresqlDatabase
) -> None:
    dead, heir = await enter(one, "one"), await enter(two, "two")
    await one.write(change)
    await two.write(lambda tx: servers.fence(tx, dead, heir.identity))
    for _ in range(2):
        with pytest.raises(TakenOver):
            await one.write(change)
    assert await one.read(events.last) == 1
    assert await two.write(change) == 2


async def test_that_is_seen_in_the_transaction_that_waited_for_its_turn_meanwhile(
    one: PostgresqlDatabase, two: PostgresqlDatabase
) -> None:
    dead, heir = await enter(one, "one"), await enter(two, "two")
    waiting = Prepared(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"))
    late: list[asyncio.Task[int]] = []

    def fence(tx: Transaction) -> None:
        late.append(asyncio.create_task(one.write(change)))
        while not waiting.rows(tx, {})[0][0]:
            pass  # each look lets the other one go on
        servers.fence(tx, dead, heir.identity)

    await two.write(fence)
    with pytest.raises(TakenOver):
        await late[0]
    assert await two.read(events.last) == 0


async def test_also_over_a_new_connection(
    one: PostgresqlDatabase, two: PostgresqlDatabase, postgresql_cluster: PostgresqlCluster, postgresql_url: DatabaseUrl
) -> None:
    dead, heir = await enter(one, "one"), await enter(two, "two")
    await two.write(lambda tx: servers.fence(tx, dead, heir.identity))
    await postgresql_cluster.execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{postgresql_url.database}'"
    )
    with pytest.raises(TakenOver):
        await one.write(change)
    assert await two.write(change) == 1


async def test_a_process_whose_server_has_started_again_writes_no_more(
    one: PostgresqlDatabase, two: PostgresqlDatabase
) -> None:
    await enter(one, "same")
    await enter(two, "same")
    with pytest.raises(TakenOver):
        await one.write(change)
    assert await two.write(change) == 1


async def test_news_reach_the_others_and_not_oneself(one: PostgresqlDatabase, two: PostgresqlDatabase) -> None:
    heard = {"one": asyncio.Event(), "two": asyncio.Event()}
    new = {"one": asyncio.Event(), "two": asyncio.Event()}
    clock = SystemClock()
    news = {
        name: database.news(clock, new[name], others=lambda: True, heard=heard[name].set)
        for name, database in (("one", one), ("two", two))
    }
    for each in news.values():
        await each.start()
    for event in heard.values():
        await event.wait()  # each looks once, when it begins to listen
        event.clear()
    new["one"].set()
    await heard["two"].wait()
    assert not heard["one"].is_set()
    heard["two"].clear()
    new["two"].set()
    await heard["one"].wait()
    for each in news.values():
        await each.stop()


async def test_news_are_heard_over_a_new_connection(
    one: PostgresqlDatabase, postgresql_cluster: PostgresqlCluster, postgresql_url: DatabaseUrl
) -> None:
    heard = asyncio.Event()
    news = one.news(SystemClock(), asyncio.Event(), others=lambda: True, heard=heard.set)
    await news.start()
    await heard.wait()
    heard.clear()
    await postgresql_cluster.execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{postgresql_url.database}'"
    )
    await heard.wait()  # something may have been missed
    heard.clear()
    await postgresql_cluster.execute("NOTIFY offizin", postgresql_url.database)
    await heard.wait()
    await news.stop()
