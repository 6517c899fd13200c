"""The same workflow on the reference, ``ocrd_network``, over the HTTP API that both have."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from benchmarks.bare_loop import bracket
from benchmarks.books import make_book
from benchmarks.conditions import Conditions
from benchmarks.connection import Connection
from benchmarks.figures import Figure, Group
from benchmarks.server import DUMMY
from benchmarks.warm_up import ONE_STEP, STEPS, TARGETS, WORKFLOW

WORKERS = 2
EVERY = 0.1  # seconds between two questions for the state: each costs the reference milliseconds
# On a busy machine its METS servers may come up too late: jobs fail, or it waits for ever and answers nothing.
# In its patience fits the submission of some thousand pages.
PATIENCE = 60.0  # seconds
MOST_TRIES = 3
HOW = (
    "Not measured. `python -m benchmarks --reference BIN --reference-start PROGRAM`: BIN holds the programs of an "
    "environment with `ocrd`; PROGRAM is called with `start` and `stop`, with REF_BIN, REF_HOME (a directory) and "
    "REF_WORKERS (the workers to start) in its environment; on `start` it brings up RabbitMQ, a database, "
    "`ocrd network processing-server` and the workers, and prints `SERVER=http://HOST:PORT`."
)


def measure(conditions: Conditions) -> Group:
    title = "The reference"
    if conditions.reference_bin is None or conditions.reference_start is None:
        return Group(title, [Figure("page-wise ocrd-dummy, 3 steps", "not measured")], [HOW])
    pages, reference = conditions.reference_pages, conditions.reference
    failures: list[str] = []
    with bracket(conditions.directory) as bare:
        while (found := _try(conditions, pages, failures)) is None:
            if len(failures) == MOST_TRIES:
                return Group(title, [Figure(f"{pages:,} pages × {STEPS} steps", "no result")], failures)
    one_job, submit, rest = found
    reference.pages, reference.submit_seconds, reference.one_job_seconds = pages, submit, one_job
    reference.jobs_a_second = rate = pages * STEPS / (submit + rest)
    figures = [
        Figure(
            f"{pages:,} pages × {STEPS} steps, {WORKERS} workers",
            f"{rate:.1f} jobs/s",
            bare_loops=f"{rate * bare.mean / 1e3:.2f} ×",
        ),
        Figure(f"{pages:,} pages × {STEPS} steps, submit", f"{submit:.2f} s"),
        Figure("one warm page, asked every 2 ms, best of 3", f"{one_job * 1e3:.0f} ms"),
    ]
    lines = [str(bare), "To the last job's SUCCESS; the reference saves its METS later.", *failures]
    return Group(title, figures, lines)


def _try(conditions: Conditions, pages: int, failures: list[str]) -> tuple[float, float, float] | None:
    """Seconds of one job, of the submission, and from then to the end; None when it failed, and why it did."""
    try:
        with _started(conditions) as connection:
            _run(conditions, connection, 1, WORKFLOW)  # its workers are loaded now
            one_job = min(sum(_run(conditions, connection, 1, ONE_STEP, every=0.002)) for _ in range(3))
            return one_job, *_run(conditions, connection, pages, WORKFLOW)
    except TimeoutError:
        failures.append(f"It stopped answering (nothing for {PATIENCE:.0f} s), and was started anew.")
    except _Failed as error:
        failures.append(f"{error}; it was started anew.")
    return None


class _Failed(Exception):
    """A run of the reference ended otherwise than it should."""


def _run(
    conditions: Conditions, connection: Connection, pages: int, workflow: str, every: float = EVERY
) -> tuple[float, float]:
    """Seconds of the submission, and from then on until the state is final."""
    book = make_book(conditions.new_directory("book"), pages)
    begin = time.perf_counter()
    submitted = connection.submit(book.mets, workflow)
    state = connection.wait_by_asking(submitted.run_id, every)
    seconds = time.perf_counter() - begin
    missing = [
        group for group in TARGETS[: workflow.count("\n")] if len(list((book.directory / group).glob("*.xml"))) != pages
    ]
    if state != "SUCCESS" or missing:
        raise _Failed(f"Its run of {pages} pages ended {state}; incomplete: {missing}")
    return submitted.seconds, seconds - submitted.seconds


@contextmanager
def _started(conditions: Conditions) -> Iterator[Connection]:
    home = conditions.new_directory("reference")
    home.mkdir()
    environment = {
        **os.environ,
        "REF_BIN": str(conditions.reference_bin),
        "REF_HOME": str(home),
        "REF_WORKERS": " ".join([DUMMY] * WORKERS),
    }
    program = str(Path(conditions.reference_start or "").resolve())
    # What it starts must not hold its output open, so files and no pipes.
    output = home / "start.log"
    try:
        with output.open("wb") as said:
            subprocess.run([program, "start"], env=environment, check=True, stdout=said, stderr=said)
        found = re.search(r"SERVER=(\S+)", output.read_text(errors="replace"))
        if found is None:
            raise SystemExit(f"the reference did not start: {output.read_text(errors='replace')[-2000:]}")
        address = urlsplit(found[1])
        yield Connection(address.hostname or "", address.port or 80, PATIENCE)
    finally:
        subprocess.run([program, "stop"], env=environment, check=False)
        _end_what_is_left(home)


def _end_what_is_left(home: Path) -> None:
    """A server that waits for ever hears no signal but this one. All that is ours names our directory."""
    for process in psutil.process_iter():
        try:
            if any(str(home) in argument for argument in process.cmdline()):
                process.kill()
        except psutil.Error:
            continue  # it has ended meanwhile
