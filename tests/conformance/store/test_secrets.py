"""What servers sign with."""

from __future__ import annotations

from offizin.store import secrets
from offizin.store.transaction import Database


async def test_a_secret_is_made_once(database: Database) -> None:
    assert await database.write(lambda tx: secrets.find_or_add(tx, "a", "first")) == "first"
    assert await database.write(lambda tx: secrets.find_or_add(tx, "a", "second")) == "first"
    assert await database.write(lambda tx: secrets.find_or_add(tx, "b", "other")) == "other"
