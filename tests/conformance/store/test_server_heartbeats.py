"""Servers that watch each other, step by step and in a time of the test's own, on every database."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

from offizin.scheduling.workforce import LeftBehind
from offizin.store import callbacks, jobs, servers, workspaces
from offizin.store.servers import ServerIdentity
from offizin.store.transaction import Database, Transaction
from offizin.upkeep import server_heartbeats
from offizin.upkeep.server_heartbeats import ServerHeartbeats
from tests.conformance.store.submitted import new_jobs, new_run

LEASE = 10.0
WORKSPACES = server_heartbeats.AT_ONCE + 2


class Time:
    """Goes on when the test says so."""

    def __init__(self) -> None:
        self.monotonic_now = 0.0

    def now(self) -> float:
        return 1000.0 + self.monotonic_now

    def monotonic(self) -> float:
        return self.monotonic_now

    def new_id(self) -> str:
        raise AssertionError

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


class Server:
    def __init__(self, database: Database, time: Time, identity: ServerIdentity) -> None:
        self.identity = identity
        self.database = database
        self.forgotten: list[Path] = []
        self.left: list[LeftBehind] = []
        self.leases: list[float] = []
        self.fenced = False
        self.heartbeats = ServerHeartbeats(
            database, time, identity, LEASE, virtual_time=lambda _processor, _priority: 100, forget=self.forget,
            moved=self.moved, taken_over=self.taken_over, alive=self.leases.append, fenced=self.end,
        )  # fmt: skip

    def forget(self, which: Sequence[Path]) -> None:
        self.forgotten += which

    async def moved(self) -> None:
        pass

    async def taken_over(self, left: LeftBehind) -> None:
        self.left.append(left)

    def end(self) -> None:
        self.fenced = True

    async def look(self) -> None:
        """Once, and to the end of what comes of it."""
        await self.heartbeats.work()
        await asyncio.gather(*self.heartbeats._inheriting.values())

    async def owns(self) -> int:
        return len(await self.database.read(lambda tx: workspaces.with_work_of(tx, self.identity.seq, 1000)))


async def enter(database: Database, time: Time, name: str) -> Server:
    row = await database.write(lambda tx: servers.enter(tx, name, "", time.now(), alone=False))
    return Server(database, time, row.identity)


async def look(time: Time, *living: Server) -> None:
    """A lease goes by, in which these show that they live."""
    for _ in range(7):
        time.monotonic_now += LEASE / 5
        for server in living:
            await server.look()


def work(tx: Transaction, owner: int) -> list[int]:
    """Runs on many workspaces; the numbers of the jobs that are in flight."""
    in_flight = []
    for number in range(WORKSPACES):
        mets = f"/books/{number}/mets.xml"
        workspaces.find_or_add(tx, mets, 1.0, str(uuid4()), owner)
        first, _ = new_jobs(tx, new_run(tx, f"r{number}", mets=mets, jobs_in_it=2), 2)
        in_flight.append(first)
    jobs.queue(tx, in_flight, 1.0)
    callbacks.add(tx, [("http://a", "{}")], 1.0, owner)
    return in_flight


async def test_one_of_the_others_takes_over_all_that_a_silent_server_has_left(database: Database) -> None:
    time = Time()
    one, two, three = [await enter(database, time, name) for name in ("one", "two", "three")]
    in_flight = await database.write(lambda tx: work(tx, one.identity.seq))
    await look(time, one, two, three)
    assert await one.owns() == WORKSPACES
    await look(time, two, three)
    assert [await each.owns() for each in (one, two, three)] == [0, WORKSPACES, 0]
    assert two.left == [LeftBehind("one", frozenset(in_flight), frozenset())]
    assert three.left == []
    assert len(two.forgotten) == WORKSPACES
    assert len(await database.read(lambda tx: callbacks.due(tx, 9.0, 9, two.identity.seq))) == 1
    # among what the heir has, it takes its turn as if it had come now
    tags = {job.tag for job in await database.read(lambda tx: jobs.ready(tx, "ocrd-dummy", 99, two.identity.seq))}
    assert tags == {101}
    await one.heartbeats.work()
    assert one.fenced


async def test_a_server_that_left_is_not_waited_for(database: Database) -> None:
    time = Time()
    one, two = [await enter(database, time, name) for name in ("one", "two")]
    await database.write(lambda tx: work(tx, one.identity.seq))
    await database.write(lambda tx: servers.leave(tx, one.identity))
    await two.look()
    assert await two.owns() == WORKSPACES


async def test_when_the_heir_dies_too_the_next_one_has_all(database: Database) -> None:
    time = Time()
    one, two, three = [await enter(database, time, name) for name in ("one", "two", "three")]
    await database.write(lambda tx: work(tx, one.identity.seq))
    await look(time, one, two, three)
    dead = await database.read(lambda tx: servers.by_seq(tx, one.identity.seq))
    assert dead is not None
    fenced = await database.write(lambda tx: servers.fence(tx, dead, two.identity))
    assert fenced is not None
    first = await database.read(lambda tx: workspaces.with_work_of(tx, one.identity.seq, 3))
    await database.write(lambda tx: workspaces.move(tx, [seq for seq, _ in first], two.identity.seq))
    await look(time, three, two)
    # the heir lives, and goes on with what it had begun
    assert [await each.owns() for each in (one, two, three)] == [0, WORKSPACES, 0]
    await look(time, three)
    assert [await each.owns() for each in (one, two, three)] == [0, 0, WORKSPACES]
    assert [(left.server, len(left.jobs)) for left in three.left] == [("two", WORKSPACES)]
    rows = {row.name: row for row in await database.read(servers.all_of_them)}
    assert rows["one"].heir == rows["two"].heir == three.identity.seq


async def test_a_server_that_starts_again_meanwhile_keeps_what_it_still_has(database: Database) -> None:
    time = Time()
    one, two = [await enter(database, time, name) for name in ("one", "two")]
    await database.write(lambda tx: work(tx, one.identity.seq))
    await look(time, one, two)

    async def starts_again() -> None:
        await enter(database, time, "one")

    two.heartbeats._moved = starts_again
    await look(time, two)
    assert [await one.owns(), await two.owns()] == [WORKSPACES - server_heartbeats.AT_ONCE, server_heartbeats.AT_ONCE]


async def test_others_make_a_lease_necessary(database: Database) -> None:
    time = Time()
    one = await enter(database, time, "one")
    await look(time, one)
    assert one.leases == []
    time.monotonic_now += 10 * LEASE
    assert one.heartbeats.may_write
    two = await enter(database, time, "two")
    await look(time, one, two)
    assert one.leases
    assert one.heartbeats.may_write
    time.monotonic_now += 1.01 * LEASE
    assert not one.heartbeats.may_write


async def test_when_the_heir_dies_on_the_way_the_next_one_takes_both(database: Database) -> None:
    time = Time()
    one, two, three = [await enter(database, time, name) for name in ("one", "two", "three")]
    in_flight = await database.write(lambda tx: work(tx, one.identity.seq))

    def halfway(tx: Transaction) -> None:
        dead = servers.by_seq(tx, one.identity.seq)
        assert dead is not None
        servers.fence(tx, dead, two.identity)
        workspaces.move(tx, [seq for seq, _ in workspaces.with_work_of(tx, one.identity.seq, 3)], two.identity.seq)

    await database.write(halfway)
    await look(time, three)
    await three.look()  # whose heir it became meanwhile
    assert [await each.owns() for each in (one, two, three)] == [0, 0, WORKSPACES]
    assert {left.server for left in three.left} == {"one", "two"}
    assert {job for left in three.left for job in left.jobs} == set(in_flight)
