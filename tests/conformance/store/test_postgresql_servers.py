"""Several servers write to one database at once: what they count stays right, and nobody takes what another has."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from offizin.jobs import State
from offizin.scheduling.cascade import Finished, follow
from offizin.settings.database_url import DatabaseUrl
from offizin.store import edges, events, jobs, runs
from offizin.store.edges import Edge, EdgeKind
from offizin.store.events import Change
from offizin.store.jobs import Ending
from offizin.store.postgresql import PostgresqlDatabase
from offizin.store.transaction import Transaction
from tests.conformance.store.submitted import PROCESSOR, new_jobs, new_run

SERVERS = 3
PAGES = 40


@pytest.fixture
async def servers(postgresql_url: DatabaseUrl) -> AsyncIterator[list[PostgresqlDatabase]]:
    opened = [await PostgresqlDatabase.open(postgresql_url) for _ in range(SERVERS)]
    yield opened
    for database in opened:
        await database.close()


async def test_numbers_of_jobs_are_given_once(servers: list[PostgresqlDatabase]) -> None:
    run = await servers[0].write(new_run)
    given = await asyncio.gather(*(s.write(lambda tx: new_jobs(tx, run, 3)) for s in servers for _ in range(20)))
    assert sorted(number for numbers in given for number in numbers) == list(range(1, SERVERS * 60 + 1))


def take(tx: Transaction) -> list[int]:
    """As a dispatcher does: what is ready is marked as sent."""
    taken = [job.seq for job in jobs.ready(tx, PROCESSOR, 2)]
    jobs.queue(tx, taken, 1.0)
    return taken


def end(tx: Transaction, taken: list[int]) -> None:
    """As completion does: read rows, write states, count edges and runs down."""
    rows = jobs.rows(tx, taken)
    jobs.end_attempts(tx, [Ending(seq, State.SUCCESS, None, "", 1.0, 2.0, 1.0, 0, 0) for seq in taken])
    follow(tx, [Finished(rows[seq], State.SUCCESS) for seq in taken], 2.0)
    events.add(tx, [Change("r1", "SUCCESS", rows[seq].id) for seq in taken], 2.0)


async def test_no_job_is_taken_twice_and_every_counter_comes_to_nought(servers: list[PostgresqlDatabase]) -> None:
    """One job waits for all others, so that all servers count at its edges, and at one run."""

    def submit(tx: Transaction) -> tuple[int, int]:
        run = new_run(tx, "r1", jobs_in_it=PAGES + 1)
        pages = new_jobs(tx, run, PAGES)
        (last,) = new_jobs(tx, run, 1, open_edges=PAGES, first_tag=1000)
        edges.add(tx, [Edge(page, last, EdgeKind.NEEDS) for page in pages])
        return run, last

    run, last = await servers[0].write(submit)
    taken: Counter[int] = Counter()

    async def work(server: PostgresqlDatabase) -> None:
        while some := await server.write(take):
            taken.update(some)
            await server.write(lambda tx: end(tx, some))

    await asyncio.gather(*(work(server) for server in servers for _ in range(2)))
    await work(servers[0])
    assert len(taken) == PAGES + 1
    assert set(taken.values()) == {1}
    assert (await servers[1].read(lambda tx: jobs.rows(tx, [last])))[last].open_edges == 0
    ended = await servers[1].read(lambda tx: runs.by_seq(tx, run))
    assert ended.open_jobs == 0


async def test_who_follows_events_by_their_numbers_misses_none(servers: list[PostgresqlDatabase]) -> None:
    """Numbers become visible in their order: the one that is seen is the highest, and none below comes later."""
    writing = [
        asyncio.create_task(server.write(lambda tx, n=n: events.add(tx, [Change(f"r{n}", "SUCCESS")], 1.0)))  # type: ignore[misc]
        for n in range(30)
        for server in servers
    ]
    seen: list[str] = []
    at = 0
    while not all(task.done() for task in writing) or len(seen) < len(writing):
        for recorded in await servers[0].read(lambda tx, at=at: events.after(tx, at, 7)):  # type: ignore[misc]
            seen.append(recorded.changes[0].run)
            at = recorded.seq
    assert Counter(seen) == {f"r{n}": SERVERS for n in range(30)}
