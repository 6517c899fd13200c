"""One job of one page on a warm server, from its submission until SUCCESS is shown; alone, and beside a busy METS."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmarks.bare_loop import bracket
from benchmarks.books import SOURCE, Book, faults_of, make_book
from benchmarks.conditions import Conditions
from benchmarks.connection import Connection, split_between
from benchmarks.figures import Figure, Group, ReferenceFigures
from benchmarks.server import Server, serving
from benchmarks.warm_up import ONE_STEP, warm_up

SLOTS = 2
TARGET = 0.010  # seconds, warm
TARGET_BESIDE_SAVES = 0.050  # seconds, while a METS of 10,000 pages is saved
EVERY = 0.002  # seconds between two questions of a client that asks
BIG_GROUPS = (SOURCE, "BIG-1", "BIG-2")


def measure(conditions: Conditions) -> Group:
    times, big_pages = (15, 2000) if conditions.quick else (30, 10_000)
    with bracket(conditions.directory) as bare, serving(conditions.new_directory("home"), slots=SLOTS) as server:
        connection = server.connect()
        with server.connect().events() as events:
            warm_up(conditions, server, connection, events, runners=SLOTS)

            def probe(wait: Callable[[str], str]) -> list[float]:
                return [one_job(conditions, connection, wait) for _ in range(times)]

            def by_asking(run_id: str) -> str:
                return connection.wait_by_asking(run_id, EVERY)

            told, asked = probe(events.wait_for_end), probe(by_asking)
            with _saved_again_and_again(conditions, server, big_pages) as saves:
                told_beside, asked_beside = probe(events.wait_for_end), probe(by_asking)
    beside = f"while a METS of {big_pages:,} pages × {len(BIG_GROUPS)} groups is saved"
    rows = [
        ("one warm page, told by /events", told, TARGET),
        (f"one warm page, asked every {EVERY * 1e3:.0f} ms", asked, TARGET),
        (f"{beside}: told by /events", told_beside, TARGET_BESIDE_SAVES),
        (f"{beside}: asked every {EVERY * 1e3:.0f} ms", asked_beside, TARGET_BESIDE_SAVES),
    ]
    figures = [row(what, found, target, bare.mean, conditions.reference) for what, found, target in rows]
    return Group("Latency of one job", figures, [str(bare), saves.told()])


def one_job(conditions: Conditions, connection: Connection, wait: Callable[[str], str]) -> float:
    """Seconds. A new book each time, as a reader's page would be."""
    book = make_book(conditions.new_directory("page"), 1)
    begin = time.perf_counter()
    state = wait(connection.submit(book.mets, ONE_STEP).run_id)
    seconds = time.perf_counter() - begin
    if state != "SUCCESS" or (faults := faults_of(book, ["STEP-0"])):
        raise SystemExit(f"a job of one page ended {state}: {faults}")
    return seconds


def row(what: str, found: list[float], target: float, bare_job: float, reference: ReferenceFigures) -> Figure:
    median, worst = statistics.median(found), max(found)
    return Figure(
        what,
        f"{median * 1e3:.1f} ms (worst {worst * 1e3:.1f})",
        f"≤ {target * 1e3:.0f} ms",
        # A page beside a save stays under its limit every time, or it does not.
        (worst if target is TARGET_BESIDE_SAVES else median) <= target,
        bare_loops=f"{median * 1e3 / bare_job:.1f} jobs",
        reference=reference.shorter(median, reference.one_job_seconds),
    )


class _Saves:
    """How often the big METS was saved, and in which share of the time a save was under way."""

    def __init__(self) -> None:
        self.count = 0
        self.seconds = self.during = 0.0
        self.size = 0

    def told(self) -> str:
        return (
            f"The big METS ({self.size / 1e6:.1f} MB) was saved {self.count} times in {self.during:.1f} s, "
            f"{self.seconds / max(1, self.count) * 1e3:.0f} ms each: a save was under way in "
            f"{self.seconds / self.during:.0%} of the time."
        )


@contextmanager
def _saved_again_and_again(conditions: Conditions, server: Server, pages: int) -> Iterator[_Saves]:
    """Runs of one page, one after the other, on a big book: each ends with a save."""
    book = make_book(conditions.new_directory("big"), pages, BIG_GROUPS)
    stop, saves, connection = threading.Event(), _Saves(), server.connect()
    thread = threading.Thread(target=_save, args=(server, book, stop, saves), name="saves of the big METS")
    thread.start()
    try:
        while saves.count == 0:
            if not thread.is_alive():
                raise SystemExit("the big METS could not be saved")
            time.sleep(0.01)
        before, begin, saves.count = connection.ask("GET", "/healthz"), time.perf_counter(), 0
        yield saves
        saves.during = time.perf_counter() - begin
        split = split_between(before, connection.ask("GET", "/healthz"))
        saves.seconds = split["METS save"][1]
    finally:
        stop.set()
        thread.join()
    saves.size = book.mets.stat().st_size


def _save(server: Server, book: Book, stop: threading.Event, saves: _Saves) -> None:
    connection = server.connect()
    with server.connect().events() as events:
        for number, page in enumerate(book.pages):
            if stop.is_set():
                return
            submitted = connection.submit(book.mets, f"dummy -I {SOURCE} -O NEW-{number}\n", pages=page)
            if events.wait_for_end(submitted.run_id) != "SUCCESS":
                return
            saves.count += 1
