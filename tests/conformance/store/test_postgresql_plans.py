"""On PostgreSQL, too, the statements of the hot path find what they want by index, also when their plans were made with
nothing in the tables and nobody has counted since."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy import text

from offizin.scheduling.recovery import recover
from offizin.scheduling.retry_policy import Limits
from offizin.settings.database_url import DatabaseUrl
from offizin.store import fair_order
from offizin.store.postgresql import PostgresqlDatabase
from offizin.store.transaction import Transaction
from tests.conformance.store.test_query_plans import HOT, little

SCANS = text("SELECT relname, seq_scan FROM pg_stat_xact_user_tables WHERE seq_scan > 0")


@pytest.fixture
async def database(postgresql_url: DatabaseUrl) -> AsyncIterator[PostgresqlDatabase]:
    opened = await PostgresqlDatabase.open(postgresql_url)
    yield opened
    await opened.close()


def scans(tx: Transaction, work: Callable[[Transaction], object]) -> list[tuple[str, int]]:
    """The tables that the work read from one end to the other."""
    work(tx)
    return [tuple(row) for row in tx.execute(SCANS)]


@pytest.mark.parametrize("what", list(HOT))
async def test_nothing_on_the_hot_path_reads_a_whole_table(database: PostgresqlDatabase, what: str) -> None:
    await database.write(little)
    assert await database.write(lambda tx: scans(tx, HOT[what])) == []


async def test_neither_does_recovery_nor_a_start(database: PostgresqlDatabase) -> None:
    await database.write(little)
    assert await database.write(lambda tx: scans(tx, lambda tx: recover(tx, Limits(), 5.0))) == []
    assert await database.read(lambda tx: scans(tx, fair_order.virtual_times)) == []
