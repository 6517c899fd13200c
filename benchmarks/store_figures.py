"""The store by itself: jobs a second through the transactions of the hot path, on SQLite and on PostgreSQL.

    python -m benchmarks.store_figures [--group 8] [postgresql://user@host/database]

The database is filled and left so: give an empty one. No runner and no METS: it is what the database alone bounds, and
the processor time that each job costs, here and in the database's processes if they run on this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from uuid import uuid4

import psutil

from offizin.clock import SystemClock
from offizin.jobs import RunKind
from offizin.messages import Delta, File, PageOutcome, Result, Taken
from offizin.scheduling.choosing import Choice, Choosing
from offizin.scheduling.completion_write import CompletionWrite
from offizin.scheduling.contexts import Contexts
from offizin.scheduling.dispatched import Dispatched
from offizin.scheduling.learned import LearnedProcessors
from offizin.scheduling.retry_policy import Limits
from offizin.scheduling.verdicts import PageVerdict, Verdict
from offizin.settings.database_url import DatabaseUrl
from offizin.store import edges, jobs, runs, workspaces
from offizin.store.edges import Edge, EdgeKind
from offizin.store.jobs import NewJob
from offizin.store.runs import NewRun, StepRow
from offizin.store.transaction import Database, SqliteDatabase, Transaction

PAGES, STEPS = 1000, 3
PROCESSOR = "ocrd-dummy"


def submit(tx: Transaction, name: str) -> None:
    """A page-wise run, each job of a later step behind one of the step before."""
    steps = [StepRow(n, PROCESSOR, "{}", (f"G{n}",), (f"G{n + 1}",)) for n in range(STEPS)]
    workspace = workspaces.find_or_add(tx, "/books/one/mets.xml", 1.0, str(uuid4()))
    run = runs.add(
        tx,
        NewRun(name, RunKind.WORKFLOW, workspace, "", "", True, False, 0, PAGES * STEPS, 0, 1.0, "", None, steps),
    )  # fmt: skip
    first = jobs.next_number(tx)
    new = [
        NewJob(f"{name}-{page}-{step}", step, f"P{page:05}", 1, PROCESSOR, page * STEPS + step, int(step > 0))
        for page in range(PAGES)
        for step in range(STEPS)
    ]
    jobs.add(tx, run, 0, first, new)
    behind = [n for n in range(len(new)) if n % STEPS]
    edges.add(tx, [Edge(first + n - 1, first + n, EdgeKind.NEEDS) for n in behind])


def verdict(piece: Dispatched) -> Verdict:
    page, group = piece.pages[0], piece.context.output_file_grps[0]
    file = File(f"{group}_{page}", group, page, "application/vnd.prima.page+xml", f"{group}/{group}_{page}.xml")
    result = Result(piece.id, piece.attempt, 0, [PageOutcome(page, [file])], seconds=0.001)
    return Verdict(piece, result, [PageVerdict(page, None, "")], [], Delta([file]))


def exchange(
    choosing: Choosing, done: list[Verdict], begun: list[Dispatched], group: int, tx: Transaction
) -> list[Dispatched]:
    """Take a group of results in, and choose as many jobs anew: one transaction, as completion does."""
    if done or begun:
        CompletionWrite(tx, 2.0).run(done, [(piece, Taken(piece.id, piece.attempt, 0)) for piece in begun])
    choice = Choice({PROCESSOR: group})
    choosing.choose(tx, choice)
    return choice.chosen


async def measure(name: str, database: Database, group: int, *, noted: bool, others: Callable[[], float]) -> None:
    clock = SystemClock()
    choosing = Choosing(Contexts(), LearnedProcessors(database, str, clock), clock, Limits(), lambda _: 2, server=1)
    began = time.perf_counter()
    await database.write(partial(submit, name=clock.new_id()), synced=True)
    submitted, cpu, other_cpu = time.perf_counter(), time.process_time(), others()
    before: list[Dispatched] = []
    out, transactions, count = await database.write(partial(exchange, choosing, [], [], group)), 0, 0
    while out or before:
        # What was chosen last is begun, what was chosen before that is done.
        done, before = before, out
        begun = out if noted else []
        out = await database.write(partial(exchange, choosing, list(map(verdict, done)), begun, group))
        transactions += 1
        count += len(done)
    took = time.perf_counter() - submitted
    own_cpu, other_cpu = time.process_time() - cpu, others() - other_cpu
    print(
        f"{name:10} groups of {group:2}{', noted' if noted else '       '}"
        f"  submit {PAGES * STEPS / (submitted - began):6.0f} jobs/s"
        f"  complete and choose {count / took:6.0f} jobs/s, {1000 * took / transactions:5.2f} ms a transaction"
        f"  CPU of a job {1000 * own_cpu / count:.3f} ms here, {1000 * other_cpu / count:.3f} ms in the database",
        flush=True,
    )


def cpu_of_postgresql() -> float:
    found = 0.0
    for process in psutil.process_iter(["name"]):
        try:
            if process.info["name"] == "postgres":
                times = process.cpu_times()
                found += times.user + times.system
        except psutil.Error:
            pass  # one that has ended meanwhile
    return found


async def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("url", nargs="?")
    arguments.add_argument("--group", type=int, action="append")
    arguments.add_argument("--times", type=int, default=1)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        databases: dict[str, Database] = {"SQLite": await SqliteDatabase.open(Path(directory) / "offizin.sqlite")}
        if given.url is not None:
            from offizin.store.postgresql import PostgresqlDatabase

            databases["PostgreSQL"] = await PostgresqlDatabase.open(DatabaseUrl.parse(given.url, os.environ))
        for group in given.group or [4, 16]:
            for noted in (False, True):
                for _ in range(given.times):
                    for name, database in databases.items():
                        others = cpu_of_postgresql if name == "PostgreSQL" else lambda: 0.0
                        await measure(name, database, group, noted=noted, others=others)
        for database in databases.values():
            await database.close()


if __name__ == "__main__":
    asyncio.run(main())
