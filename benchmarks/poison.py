"""A book in which one page in a hundred fails every time, beside the same book without: time, jobs, attempts."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from benchmarks.books import SOURCE, make_book
from benchmarks.conditions import Conditions
from benchmarks.connection import Connection, Events
from benchmarks.figures import Figure, Group
from benchmarks.server import environment_with, serving
from tests.behaviour.installed_processors import MISBEHAVING, install

SLOTS = 2
SECONDS = 0.05  # of each page, in the step that fails
WHERE = ".*50"  # one page in a hundred
TARGET = 1.25  # times as long
KINDS = {"ok": "no page fails", "raise": "1 % of the pages raise", "crash": "1 % of the pages crash"}


@dataclass(frozen=True)
class Run:
    """``done``: jobs that have succeeded; ``failures``: attempts that failed."""

    seconds: float
    done: int
    failures: int


def measure(conditions: Conditions) -> Group:
    pages = 200 if conditions.quick else 1000
    programs = install(MISBEHAVING, conditions.new_directory("misbehaving"))
    environment = environment_with(OFFIZIN_PROCESSOR_DIRECTORIES=str(programs))
    with serving(conditions.new_directory("home"), slots=SLOTS, environment=environment) as server:
        connection = server.connect()
        with server.connect().events() as events:
            _run(conditions, connection, events, 20, "ok")  # to warm up
            runs = {mode: _run(conditions, connection, events, pages, mode) for mode in KINDS}
    figures = []
    for mode, run in runs.items():
        longer = run.seconds / runs["ok"].seconds
        figures.append(
            Figure(
                f"{pages:,} pages × 3 steps, {KINDS[mode]}",
                f"{run.seconds:.1f} s, {run.done:,} jobs done, {run.failures:,} attempts failed",
                f"≤ {TARGET} × the time" if mode == "raise" else "",
                longer <= TARGET if mode == "raise" else None,
            )
        )
        if mode != "ok":
            figures.append(Figure("beside the same book without", f"{longer:.2f} ×"))
    note = (
        f"The first step takes {SECONDS * 1e3:.0f} ms a page. A crash costs loading the processor anew, about a "
        "second; that weighs less the longer a page takes."
    )
    return Group("Poison pages", figures, [note])


def _run(conditions: Conditions, connection: Connection, events: Events, pages: int, mode: str) -> Run:
    book = make_book(conditions.new_directory("book"), pages)
    parameters = json.dumps({"mode": mode, "where": WHERE, "seconds": SECONDS})
    workflow = (
        f"misbehaving -I {SOURCE} -O STEP-0 -p '{parameters}'\n"
        "dummy -I STEP-0 -O STEP-1\ndummy -I STEP-1 -O STEP-2\n"
    )  # fmt: skip
    begin = time.perf_counter()
    run = connection.submit(book.mets, workflow).run_id
    state = events.wait_for_end(run)
    seconds = time.perf_counter() - begin
    poisoned = 0 if mode == "ok" else len([page for page in book.pages if page.endswith("50")])
    summary = connection.ask("GET", f"/workflow/job/{run}/summary")
    done = sum(step["counts"].get("SUCCESS", 0) for step in summary["steps"])
    if (state == "SUCCESS") != (not poisoned) or done != 3 * (pages - poisoned):
        raise SystemExit(f"a run of {pages} pages with {poisoned} poison pages ended {state}: {summary['steps']}")
    failures = connection.ask("GET", f"/workflow/job/{run}/failures?limit=1000")["failures"]
    return Run(seconds, done, len([failure for failure in failures if failure["processor"] == "ocrd-misbehaving"]))
