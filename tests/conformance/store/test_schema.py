"""The migrations make the tables that the code is written for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Engine, inspect, text

from offizin.errors import Unavailable
from offizin.store import dialects, migrate
from offizin.store.tables import metadata
from offizin.store.transaction import Database, SqliteDatabase, Transaction

# Alembic cannot compare indexes with expressions; to the letter they are compared below.
NOT_FOR_ALEMBIC = {("table", "alembic_version"), ("index", "jobs_ready"), ("index", "pieces_ready")}


def is_compared(_object: object, name: str | None, kind: str, *_: object) -> bool:
    return (kind, name) not in NOT_FOR_ALEMBIC


async def test_migrations_leave_nothing_to_change(database: Database) -> None:
    def differences(tx: Transaction) -> list[object]:
        # Defaults are compared to the letter below; as Alembic reads them, '' and the empty text differ.
        options = {"include_object": is_compared, "compare_server_default": False}
        context = MigrationContext.configure(tx, opts=options)
        return list(compare_metadata(context, metadata))

    assert await database.read(differences) == []


def as_sql(tx: Transaction) -> dict[str, str]:
    """All tables and indexes as SQLite was told to make them, the conditions of partial indexes included."""
    rows = tx.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'alembic_version'"))
    # A table that was made anew has its empty texts in brackets.
    plain = {name: sql.replace('"', "").replace("DEFAULT ('')", "DEFAULT ''") for name, sql in rows}
    return {name: re.sub(r"\s+", " ", sql).replace("( ", "(").replace(" )", ")") for name, sql in plain.items()}


@pytest.mark.parametrize("database", ["sqlite", "inline"], indirect=True)
async def test_migrated_tables_are_those_of_the_metadata_to_the_letter(database: Database) -> None:
    fresh: Engine = dialects.memory_engine()
    metadata.create_all(fresh)
    with fresh.connect() as connection:
        expected = as_sql(connection)
    fresh.dispose()
    assert expected
    assert await database.read(as_sql) == expected


async def test_opening_a_database_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "offizin.sqlite"
    first = await SqliteDatabase.open(path)
    before = await first.read(as_sql)
    await first.close()
    second = await SqliteDatabase.open(path)
    assert await second.read(as_sql) == before
    await second.close()


async def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "offizin.sqlite"
    await (await SqliteDatabase.open(path)).close()
    engine = dialects.sqlite_engine(path)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(CommandError):
        migrate.upgrade(engine)
    engine.dispose()


def test_the_newest_migration_is_the_one_the_code_asks_for() -> None:
    versions = Path(migrate.__file__).parent / "migrations" / "versions"
    newest = max(path.name.split("_")[0] for path in versions.glob("[0-9]*.py"))
    assert newest == migrate.NEWEST


async def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialects, "NETWORK_FILE_SYSTEMS", _Everything())
    with pytest.raises(Unavailable, match="network file system") as refused:
        await SqliteDatabase.open(tmp_path / "offizin.sqlite")
    assert "--home" in refused.value.advice


class _Everything(frozenset[str]):
    def __contains__(self, _name: object) -> bool:
        return True


async def test_every_table_has_a_primary_key(database: Database) -> None:
    def keys(tx: Transaction) -> dict[str, list[str]]:
        looked_at = inspect(tx)
        return {
            name: looked_at.get_pk_constraint(name)["constrained_columns"]
            for name in looked_at.get_table_names()
            if name != "alembic_version"
        }

    assert all((await database.read(keys)).values())
