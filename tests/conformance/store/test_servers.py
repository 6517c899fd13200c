"""Who the servers on a database are."""

from __future__ import annotations

from dataclasses import replace

from offizin.store import servers
from offizin.store.servers import ServerRow
from offizin.store.transaction import Database, Transaction


def enter(tx: Transaction, name: str = "one") -> ServerRow:
    return servers.enter(tx, name, "http://one:8000", 1.0, alone=False)


async def test_a_server_that_starts_again_is_the_same_in_a_new_incarnation(database: Database) -> None:
    first = await database.write(enter)
    other = await database.write(lambda tx: enter(tx, "other"))
    again = await database.write(enter)
    assert (first.seq, first.name, first.incarnation) == (1, "one", 1)
    assert (again.seq, again.name, again.incarnation) == (1, "one", 2)
    assert other.seq == 2
    assert await database.read(servers.all_of_them) == [again, other]
    assert await database.read(lambda tx: servers.by_seq(tx, 2)) == other
    assert await database.read(lambda tx: servers.by_seq(tx, 3)) is None


async def test_who_has_a_database_alone_is_who_was_there_before(database: Database) -> None:
    await database.write(enter)
    renamed = await database.write(lambda tx: servers.enter(tx, "two", "", 2.0, alone=True))
    assert (renamed.seq, renamed.name, renamed.incarnation) == (1, "two", 2)
    assert await database.read(servers.all_of_them) == [renamed]


async def test_signs_of_life_are_those_of_one_incarnation(database: Database) -> None:
    old = (await database.write(enter)).identity
    assert await database.write(lambda tx: servers.beat(tx, old))
    new = (await database.write(enter)).identity
    assert not await database.write(lambda tx: servers.beat(tx, old))
    await database.write(lambda tx: servers.listens_at(tx, old, "http://old"))
    await database.write(lambda tx: servers.leave(tx, old))
    (row,) = await database.read(servers.all_of_them)
    assert (row.identity, row.address, row.has_left) == (new, "http://one:8000", False)
    await database.write(lambda tx: servers.listens_at(tx, new, "http://new"))
    await database.write(lambda tx: servers.leave(tx, new))
    (row,) = await database.read(servers.all_of_them)
    assert (row.address, row.has_left) == ("http://new", True)


async def test_a_server_is_fenced_off_only_if_it_has_shown_no_life_since(database: Database) -> None:
    seen = await database.write(enter)
    await database.write(lambda tx: servers.beat(tx, seen.identity))
    heir = (await database.write(lambda tx: enter(tx, "heir"))).identity
    assert await database.write(lambda tx: servers.fence(tx, seen, heir)) is None
    later = replace(seen, beat=seen.beat + 1)
    fenced = await database.write(lambda tx: servers.fence(tx, later, heir))
    assert fenced == replace(seen, incarnation=2, beat=servers.LEFT, heir=heir.seq)
    assert await database.read(lambda tx: servers.by_seq(tx, seen.seq)) == fenced
    assert await database.write(lambda tx: servers.fence(tx, later, heir)) is None
    assert not await database.write(lambda tx: servers.beat(tx, seen.identity))
    again = await database.write(enter)
    assert (again.incarnation, again.heir) == (3, None)
