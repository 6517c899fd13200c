"""Whether jobs that wait slow down those that run: the rate beside up to 100,000 ready jobs of less priority. While
they are submitted their processor is paused, so that the memory looked at then is that of waiting."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.bare_loop import Bracket, bracket
from benchmarks.books import SOURCE, Book, make_book
from benchmarks.conditions import Conditions
from benchmarks.connection import Connection, Events
from benchmarks.figures import Figure, Group
from benchmarks.server import DUMMY, Server, serving
from benchmarks.throughput import SLOTS
from benchmarks.warm_up import WORKFLOW, warm_up

NOISE = 0.10  # "do not slow down": what neighbouring measurements of the same thing differ by anyway
MEASURED_PAGES = 300
BIG_BOOK = 10_000
WIDTH = 50
PAUSE = f"/pauses/processor/{DUMMY}"
GAPS = "The jobs that wait fill the gaps of the run that is measured; what was done of them is counted."


@dataclass(frozen=True)
class Point:
    """``waiting``: how many jobs waited at first. ``cpu``: milliseconds of the server's a job; ``resident``: its memory
    before any of them was begun, in bytes."""

    waiting: int
    jobs_a_second: float
    cpu: float
    resident: int


@dataclass(frozen=True)
class Found:
    """Seconds, and numbers of jobs."""

    points: list[Point]
    cancelled: int
    cancel_seconds: float
    at_a_time: int
    slowest_submission: float

    @property
    def none_waiting(self) -> float:
        """Jobs a second."""
        return (self.points[0].jobs_a_second + self.points[-1].jobs_a_second) / 2

    def rows(self, bare: Bracket) -> list[Figure]:
        return [
            *(_row(point, self.none_waiting, bare) for point in self.points),
            Figure(f"cancelling {self.cancelled:,} of them", f"{self.cancel_seconds:.2f} s"),
            Figure(f"submitting up to {self.at_a_time:,} at a time", f"{self.slowest_submission:.2f} s at most"),
        ]


def measure(conditions: Conditions) -> Group:
    steps = [1_000, 10_000] if conditions.quick else [1_000, 10_000, 100_000]
    with bracket(conditions.directory) as bare, serving(conditions.new_directory("home"), slots=SLOTS) as server:
        found = measure_waiting(conditions, server, steps, 1 if conditions.quick else 3)
    return Group("Waiting jobs", found.rows(bare), [str(bare), GAPS], plot(found.points))


def measure_waiting(conditions: Conditions, server: Server, steps: Sequence[int], times: int) -> Found:
    """The median of ``times`` at each step, and with none waiting before and after."""
    connection = server.connect()
    with server.connect().events() as events:
        warm_up(conditions, server, connection, events, runners=SLOTS)
        backlog = _Backlog(connection, make_book(conditions.new_directory("backlog"), min(BIG_BOOK, steps[-1])))

        def point(waiting: int) -> Point:
            found = []
            for _ in range(times):
                connection.tell("PUT", PAUSE)
                backlog.fill(waiting)
                resident = server.resident_bytes()
                connection.tell("DELETE", PAUSE)
                found.append(_point(conditions, server, connection, events, backlog, resident))
            return sorted(found, key=lambda point: point.jobs_a_second)[times // 2]

        point(0)  # once more to warm up: its book is bigger
        points = [point(waiting) for waiting in (0, *steps)]
        cancelled, seconds = backlog.cancel()
        # Runners that were at work on what was cancelled have been ended.
        warm_up(conditions, server, connection, events, runners=SLOTS)
        points.append(point(0))
    return Found(points, cancelled, seconds, len(backlog.book.pages), backlog.slowest)


class _Backlog:
    """Runs of one step on one big book, each with its own target, all of the least priority and ready."""

    def __init__(self, connection: Connection, book: Book) -> None:
        self._connection = connection
        self.book = book
        self._runs: list[str] = []
        self.slowest = 0.0

    def fill(self, wanted: int) -> None:
        """Submit until so many wait."""
        while (missing := wanted - self.waiting()) > 0:
            pages = self.book.pages[: min(missing, len(self.book.pages))]
            submitted = self._connection.submit(
                self.book.mets,
                f"dummy -I {SOURCE} -O WAITING-{len(self._runs)}\n",
                pages=f"{pages[0]}..{pages[-1]}",
                priority=-100,
            )
            self._runs.append(submitted.run_id)
            self.slowest = max(self.slowest, submitted.seconds)
            if missing <= len(pages):
                return  # some are done meanwhile: they would be chased for ever

    def waiting(self) -> int:
        summaries = (self._connection.ask("GET", f"/workflow/job/{run}/summary") for run in self._runs)
        return sum(step["counts"].get("CACHED", 0) for summary in summaries for step in summary["steps"])

    def cancel(self) -> tuple[int, float]:
        """How many were cancelled, and the seconds it took. Nothing of them is left then."""
        begin, cancelled = time.perf_counter(), 0
        for run in self._runs:
            if self._connection.ask("GET", f"/workflow/job/{run}/summary")["ended_at"] is None:
                cancelled += self._connection.ask("DELETE", f"/workflow/job/{run}")["cancelled"]
        seconds = time.perf_counter() - begin
        for run in self._runs:
            while self._connection.ask("GET", f"/workflow/job/{run}/summary")["ended_at"] is None:
                time.sleep(0.05)
        return cancelled, seconds


def _point(
    conditions: Conditions, server: Server, connection: Connection, events: Events, backlog: _Backlog, resident: int
) -> Point:
    """One run of high priority, and what was done of the others meanwhile."""
    book = make_book(conditions.new_directory("book"), MEASURED_PAGES)
    waiting = backlog.waiting()  # takes its time when there is much
    ended, cpu = connection.jobs_ended(), server.cpu_seconds()
    begin = time.perf_counter()
    submitted = connection.submit(book.mets, WORKFLOW, priority=100)
    if (state := events.wait_for_end(submitted.run_id)) != "SUCCESS":
        raise SystemExit(f"a run beside waiting jobs ended {state}")
    seconds, cpu = time.perf_counter() - begin, server.cpu_seconds() - cpu
    done = connection.jobs_ended() - ended
    return Point(waiting, done / seconds, cpu / done * 1e3, resident)


def _row(point: Point, none: float, bare: Bracket) -> Figure:
    slower = none / point.jobs_a_second
    target, met = (f"as with none (±{NOISE:.0%})", slower <= 1 + NOISE) if point.waiting else ("", None)
    return Figure(
        f"{point.waiting:,} waiting" if point.waiting else "none waiting",
        f"{point.jobs_a_second:,.0f} jobs/s, {point.cpu:.2f} ms of the server's CPU a job",
        target,
        met,
        bare_loops=f"{point.jobs_a_second * bare.mean / 1e3:.1f} ×",
    )


def plot(points: list[Point]) -> str:
    most = max(point.jobs_a_second for point in points)
    lines = ["  waiting    jobs/s"]
    for point in points:
        bar = "█" * round(WIDTH * point.jobs_a_second / most)
        lines.append(f"{point.waiting:>9,} {point.jobs_a_second:>9,.0f}  {bar}")
    return "\n".join(lines)
