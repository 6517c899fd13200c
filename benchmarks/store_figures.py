"""The store by itself: jobs a second through the transactions of the hot path, on SQLite and on PostgreSQL.

    python -m benchmarks.store_figures [postgresql://user@host/database]

The database is filled and left so: give an empty one. No runner and no METS: it is what the database alone bounds.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from offizin.jobs import RunKind, State
from offizin.scheduling.cascade import Finished, follow
from offizin.settings.database_url import DatabaseUrl
from offizin.store import deltas, edges, events, jobs, runs, workspaces
from offizin.store.edges import Edge, EdgeKind
from offizin.store.events import Change
from offizin.store.jobs import Ending, NewJob
from offizin.store.runs import NewRun, StepRow
from offizin.store.transaction import Database, SqliteDatabase, Transaction

PAGES, STEPS, GROUP = 2000, 2, 8


def submit(tx: Transaction, name: str) -> None:
    """A page-wise run of two steps, each job of the second behind one of the first."""
    steps = [StepRow(n, f"ocrd-{n}", "{}", (f"G{n}",), (f"G{n + 1}",)) for n in range(STEPS)]
    workspace = workspaces.find_or_add(tx, "/books/one/mets.xml", 1.0)
    run = runs.add(
        tx,
        NewRun(name, RunKind.WORKFLOW, workspace, "", "", True, False, 0, PAGES * STEPS, 0, 1.0, "", None, steps),
    )  # fmt: skip
    first = jobs.next_number(tx)
    new = [NewJob(f"{name}-{p}-{s}", s, f"p{p}", 1, f"ocrd-{s}", p, s) for p in range(PAGES) for s in range(STEPS)]
    jobs.add(tx, run, 0, first, new)
    edges.add(tx, [Edge(first + 2 * page, first + 2 * page + 1, EdgeKind.NEEDS) for page in range(PAGES)])


def exchange(tx: Transaction, done: list[int]) -> list[int]:
    """Take a group of results in, and choose as many jobs anew: one transaction, as completion does."""
    rows = jobs.rows(tx, done)
    jobs.end_attempts(tx, [Ending(seq, State.SUCCESS, None, "", 1.0, 2.0, 1.0, 0, 0) for seq in done])
    deltas.add(tx, [(1, [])])
    follow(tx, [Finished(row, State.SUCCESS) for row in rows.values()], 2.0)
    events.add(tx, [Change("r", "SUCCESS", row.id, row.step, row.page) for row in rows.values()], 2.0)
    chosen: list[int] = []
    for step in reversed(range(STEPS)):
        chosen += [job.seq for job in jobs.ready(tx, f"ocrd-{step}", GROUP - len(chosen))]
    jobs.queue(tx, chosen, 1.0)
    return chosen


async def measure(name: str, database: Database) -> None:
    began = time.perf_counter()
    await database.write(lambda tx: submit(tx, f"run-{began}"), synced=True)
    submitted = time.perf_counter()
    done, transactions, count = await database.write(lambda tx: exchange(tx, [])), 0, 0
    while done:
        count += len(done)
        group: list[int] = done
        work: Callable[[Transaction], list[int]] = lambda tx, group=group: exchange(tx, group)  # type: ignore[misc]  # noqa: E731
        done = await database.write(work)
        transactions += 1
    took = time.perf_counter() - submitted
    print(
        f"{name:12} submit {PAGES * STEPS / (submitted - began):8.0f} jobs/s   complete and choose {count / took:7.0f}"
        f" jobs/s   {1000 * took / transactions:5.2f} ms a transaction of {GROUP}"
    )
    await database.close()


async def main(url: str | None) -> None:
    with tempfile.TemporaryDirectory() as directory:
        await measure("SQLite", await SqliteDatabase.open(Path(directory) / "offizin.sqlite"))
    if url is not None:
        from offizin.store.postgresql import PostgresqlDatabase

        await measure("PostgreSQL", await PostgresqlDatabase.open(DatabaseUrl.parse(url, os.environ)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else None))
