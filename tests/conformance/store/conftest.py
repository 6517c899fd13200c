"""Every test of the store runs on every database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from offizin.settings.database_url import DatabaseUrl
from offizin.store.postgresql import PostgresqlDatabase
from offizin.store.transaction import Database, InlineDatabase, SqliteDatabase
from tests.postgresql_cluster import PostgresqlCluster


@pytest.fixture(params=["sqlite", "inline", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with AsyncExitStack() as stack:
        match request.param:
            case "sqlite":
                opened: Database = await SqliteDatabase.open(tmp_path / "offizin.sqlite")
            case "inline":
                opened = InlineDatabase()
            case _:
                # only then a PostgreSQL is started
                cluster: PostgresqlCluster = request.getfixturevalue("postgresql_cluster")
                opened = await PostgresqlDatabase.open(await stack.enter_async_context(cluster.new_database()))
        stack.push_async_callback(opened.close)
        yield opened


@pytest.fixture
async def postgresql_url(postgresql_cluster: PostgresqlCluster) -> AsyncIterator[DatabaseUrl]:
    """Of a database with all tables and no rows."""
    async with postgresql_cluster.new_database() as url:
        yield url
