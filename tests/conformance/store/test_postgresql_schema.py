"""The migrations make on PostgreSQL what the code is written for."""

from __future__ import annotations

import asyncio

from sqlalchemy import text

from offizin.settings.database_url import DatabaseUrl
from offizin.store import migrate
from offizin.store.postgresql import PostgresqlDatabase
from offizin.store.tables import metadata
from offizin.store.transaction import Transaction
from tests.postgresql_cluster import PostgresqlCluster


def definitions(tx: Transaction) -> list[tuple[object, ...]]:
    """Columns, constraints and indexes in the first schema of the search path, partial conditions included."""
    queries = (
        "SELECT table_name, column_name, data_type, is_nullable, replace(column_default, current_schema() || '.', '')"
        " FROM information_schema.columns WHERE table_schema = current_schema()",
        "SELECT tablename, replace(indexdef, current_schema() || '.', '') FROM pg_indexes"
        " WHERE schemaname = current_schema()",
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = current_schema()::regnamespace",
    )
    rows = [tuple(row) for query in queries for row in tx.execute(text(query))]
    return sorted((row for row in rows if "alembic_version" not in str(row)), key=str)


async def test_migrated_tables_are_those_of_the_metadata_to_the_letter(postgresql_url: DatabaseUrl) -> None:
    database = await PostgresqlDatabase.open(postgresql_url)
    migrated = await database.read(definitions)

    def fresh(tx: Transaction) -> list[tuple[object, ...]]:
        tx.execute(text("CREATE SCHEMA fresh"))
        tx.execute(text("SET LOCAL search_path = fresh"))
        metadata.create_all(tx, checkfirst=False)
        return definitions(tx)

    expected = await database.write(fresh)
    await database.close()
    assert len(expected) > 100
    assert migrated == expected


def version(tx: Transaction) -> str:
    return str(tx.execute(text("SELECT version_num FROM alembic_version")).scalar_one())


async def test_of_servers_that_start_at_once_one_migrates(postgresql_cluster: PostgresqlCluster) -> None:
    async with postgresql_cluster.new_database(empty=True) as url:
        opened = await asyncio.gather(*(PostgresqlDatabase.open(url) for _ in range(4)))
        found = {await database.read(version) for database in opened}
        await asyncio.gather(*(database.close() for database in opened))
    assert found == {migrate.NEWEST}
