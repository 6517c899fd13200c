"""From nothing to the first job done: ``offizin serve`` is started, its first run submitted as soon as it listens."""

from __future__ import annotations

import statistics
import subprocess
import time
from pathlib import Path

from benchmarks.books import faults_of, make_book
from benchmarks.conditions import Conditions
from benchmarks.figures import Figure, Group
from benchmarks.server import DUMMY, PROGRAMS, environment_with, serving
from benchmarks.warm_up import ONE_STEP

TARGET = 3.0  # seconds, the processor's import aside


def measure(conditions: Conditions) -> Group:
    times = 1 if conditions.quick else 3
    imports: list[float] = []
    found: dict[str, list[tuple[float, float]]] = {"first start": [], "later start": []}
    for _ in range(times):
        home = conditions.new_directory("home")
        for starts in found.values():
            imports.append(_import())
            starts.append(_start(conditions, home))
    imported = statistics.median(imports)
    figures = [Figure(f"{DUMMY} by itself: started, imported, ended", f"{imported:.2f} s")]
    # Nothing is known of a processor at first: it is asked for its description, then loaded.
    for (what, starts), loadings in zip(found.items(), (2, 1), strict=True):
        listening, done = (statistics.median(values) for values in zip(*starts, strict=True))
        ours = done - loadings * imported
        figures += [
            Figure(f"{what}: until it listens", f"{listening:.2f} s"),
            Figure(f"{what}: until the first job is done", f"{done:.2f} s"),
            Figure(
                f"{what}: the same without {loadings} × the import",
                f"{ours:.2f} s",
                f"≤ {TARGET:.0f} s",
                ours <= TARGET,
            ),
        ]
    lines = [
        "First start: on an empty home, so that the database is made and the processor is asked for its description. "
        "Later start: on the same home. Files are in the system's cache."
    ]
    return Group("Cold start", figures, lines)


def _import() -> float:
    begin = time.perf_counter()
    subprocess.run([PROGRAMS / DUMMY, "--dump-json"], env=environment_with(), check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def _start(conditions: Conditions, home: Path) -> tuple[float, float]:
    """Seconds until it listens, and until the first job's SUCCESS is shown."""
    book = make_book(conditions.new_directory("book"), 1)
    begin = time.perf_counter()
    with serving(home) as server:
        listening = time.perf_counter() - begin
        with server.connect().events() as events:
            run = server.connect().submit(book.mets, ONE_STEP)
            state = events.wait_for_end(run.run_id)
        done = time.perf_counter() - begin
    if state != "SUCCESS" or (faults := faults_of(book, ["STEP-0"])):
        raise SystemExit(f"the first job ended {state}: {faults}")
    return listening, done
