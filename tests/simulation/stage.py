"""What all simulated worlds of a process share: files that are only looked at, and one database, emptied for each."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from offizin.errors import ProcessorUnknown
from offizin.processors.tool_description import ToolDescription
from offizin.store.transaction import InlineDatabase
from offizin.workflows import Workflow, parse_workflow
from tests.simulation.runners import PROCESSORS
from tests.simulation.scenario import WORKFLOWS


@cache
def _temporary_directory() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="offizin-simulation-")


@cache
def stage() -> Path:
    """A directory with the files that are only looked at: METS (by path), programs (by name), a home."""
    directory = Path(_temporary_directory().name).resolve()
    for number in range(4):
        (directory / f"book{number}").mkdir()
        (directory / f"book{number}" / "mets.xml").touch()
    for name in PROCESSORS:
        (directory / name).touch()
    return directory


@cache
def _database() -> tuple[InlineDatabase, sqlite3.Connection]:
    """One for all worlds, one after the other: migrated once, its statements compiled once."""
    database = InlineDatabase()
    connection = database._connection.connection.driver_connection
    assert isinstance(connection, sqlite3.Connection)
    return database, connection


def emptied_database() -> tuple[InlineDatabase, sqlite3.Connection]:
    database, connection = _database()
    if connection.in_transaction:
        connection.rollback()
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        if name != "alembic_version":
            connection.execute(f"DELETE FROM {name}")
    return database, connection


@cache
def workflow(number: int) -> Workflow:
    return parse_workflow(WORKFLOWS[number])


def mets_of(book: int) -> Path:
    return stage() / f"book{book}" / "mets.xml"


class Programs:
    """The processors that are installed: a stand-in for Discovery."""

    def __init__(self, directory: Path, names: Sequence[str]) -> None:
        self._directory = directory
        self._names = names

    async def describe(self, name: str) -> ToolDescription:
        return ToolDescription(name, self.executable(name), {"executable": name, "parameters": {}})

    def executable(self, name: str) -> Path:
        if name not in self._names:
            raise ProcessorUnknown(f"there is no processor {name}")
        return self._directory / name

    async def close(self) -> None:
        """Nothing runs."""
