"""Every test of the store runs on every database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from offizin.store.transaction import Database, InlineDatabase, SqliteDatabase


async def _sqlite(directory: Path) -> Database:
    return await SqliteDatabase.open(directory / "offizin.sqlite")


async def _inline(_directory: Path) -> Database:
    return InlineDatabase()


DATABASES: dict[str, Callable[[Path], Awaitable[Database]]] = {"sqlite": _sqlite, "inline": _inline}


@pytest.fixture(params=list(DATABASES))
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    opened = await DATABASES[request.param](tmp_path)
    yield opened
    await opened.close()
