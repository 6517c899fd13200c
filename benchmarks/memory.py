"""What the server holds: idle, and for each workspace that is open."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.books import SOURCE, make_book
from benchmarks.conditions import Conditions
from benchmarks.figures import Figure, Group
from benchmarks.server import Server, serving
from benchmarks.warm_up import ONE_STEP

MB = 1e6
TARGET_IDLE = 120.0  # MB
TARGET_WORKSPACE = 3.0  # MB, 100 pages
GROUPS = (SOURCE, "OCR-D-BIN", "OCR-D-SEG", "OCR-D-OCR")
WORKSPACES = 50

# In a process of its own: what has been imported and used before shall not be counted, nor missed.
_READ = """
import gc, json, sys, tracemalloc
from pathlib import Path
import psutil
from offizin.mets.index import MetsIndex
MetsIndex.read(Path(sys.argv[1]))
gc.collect()
resident = psutil.Process().memory_info().rss
kept = MetsIndex.read(Path(sys.argv[2]))
gc.collect()
grown = psutil.Process().memory_info().rss - resident
del kept
tracemalloc.start()
kept = MetsIndex.read(Path(sys.argv[2]))
gc.collect()
now, peak = tracemalloc.get_traced_memory()
print(json.dumps([now, peak, grown]))
"""


def measure(conditions: Conditions) -> Group:
    many = 10 if conditions.quick else WORKSPACES
    with serving(conditions.new_directory("home")) as server:
        server.connect().ask("GET", "/")
        idle = server.resident_bytes() / MB
        grown = _growth(conditions, server, many) / MB
    figures = [
        Figure("server, idle, after one request", f"{idle:.0f} MB", f"≤ {TARGET_IDLE:.0f} MB", idle <= TARGET_IDLE),
        Figure(
            f"server, growth by each of {many} workspaces of 100 pages × {len(GROUPS)} groups, with a run on it",
            f"{grown:.2f} MB",
            f"≤ {TARGET_WORKSPACE:.0f} MB",
            grown <= TARGET_WORKSPACE,
        ),
    ]
    for pages in (100, 1000) if conditions.quick else (100, 1000, 10_000):
        now, peak, resident = _index(conditions, pages)
        target, met = (f"≤ {TARGET_WORKSPACE:.0f} MB", now / MB <= TARGET_WORKSPACE) if pages == 100 else ("", None)
        what = f"index of {pages:,} pages × {len(GROUPS)} groups"
        figures.append(Figure(f"{what}: allocated", f"{now / MB:.2f} MB", target, met))
        figures.append(Figure(f"{what}: while it is read, at most", f"{peak / MB:.2f} MB"))
        figures.append(Figure(f"{what}: growth of the resident process", f"{resident / MB:.2f} MB"))
    return Group(
        "Memory",
        figures,
        ["MB are 10⁶ bytes, the server's of resident memory. Allocated: by tracemalloc, in a fresh process."],
    )


def _growth(conditions: Conditions, server: Server, many: int) -> float:
    """Bytes for each workspace that is opened by a run of one page, after some that are not counted."""
    connection = server.connect()
    with server.connect().events() as events:

        def run_on_new(times: int) -> None:
            for _ in range(times):
                book = make_book(conditions.new_directory("book"), 100, GROUPS)
                run = connection.submit(book.mets, ONE_STEP, pages=book.pages[0])
                if events.wait_for_end(run.run_id) != "SUCCESS":
                    raise SystemExit("a run on a workspace to measure failed")

        run_on_new(5)
        before = server.resident_bytes()
        run_on_new(many)
    return (server.resident_bytes() - before) / many


def _index(conditions: Conditions, pages: int) -> tuple[int, int, int]:
    """Bytes: allocated for the index, at most while it was read, growth of the process."""
    first = make_book(conditions.new_directory("book"), 10).mets
    mets: Path = make_book(conditions.new_directory("book"), pages, GROUPS).mets
    called = [sys.executable, "-c", _READ, str(first), str(mets)]
    now, peak, resident = json.loads(subprocess.run(called, check=True, stdout=subprocess.PIPE).stdout)
    return now, peak, resident
