"""Whether two servers on one database do more than one, with the same worker: two books at once through each."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.bare_loop import Bracket, bracket
from benchmarks.books import faults_of, make_book
from benchmarks.cluster import SLOTS, ClusterServer, Infrastructure, cluster, infrastructure
from benchmarks.conditions import Conditions
from benchmarks.figures import Figure, Group
from benchmarks.warm_up import STEPS, TARGETS, WORKFLOW, warm_up

PAGES = 1000
BOOKS = 2


@dataclass(frozen=True)
class Point:
    """``costs``: milliseconds of CPU a job, by who has used it; ``servers`` together in one."""

    servers: int
    jobs_a_second: float
    costs: dict[str, float]


def measure(conditions: Conditions) -> Group:
    pages, times = (300, 1) if conditions.quick else (PAGES, 3)
    with bracket(conditions.directory) as bare, infrastructure() as services:
        points = [_point(conditions, services, servers, pages, times) for servers in (1, 2)]
    one, two = points
    figures = [_row(point, pages, bare) for point in points]
    gain = two.jobs_a_second / one.jobs_a_second
    figures.append(Figure("two servers beside one", f"{gain:.2f} ×", "more, where the server is the limit"))
    return Group("Two servers", figures, [str(bare), *map(_costs, points)])


def _point(conditions: Conditions, services: Infrastructure, servers: int, pages: int, times: int) -> Point:
    """The median. Each server has its books, so that each owns a workspace."""
    with cluster(conditions.new_directory(f"servers-{servers}"), services, servers=servers) as started:
        for server in started:
            with server.connect().events() as events:
                warm_up(conditions, server, server.connect(), events, runners=SLOTS)
        found = [_run(conditions, started, pages) for _ in range(times)]
    return sorted(found, key=lambda point: point.jobs_a_second)[times // 2]


def _run(conditions: Conditions, servers: Sequence[ClusterServer], pages: int) -> Point:
    books = [make_book(conditions.new_directory("book"), pages) for _ in range(BOOKS)]
    connections = [server.connect() for server in servers]
    before, begin = _cpu(servers), time.perf_counter()
    runs = [connections[n % len(servers)].submit(book.mets, WORKFLOW).run_id for n, book in enumerate(books)]
    for number, run_id in enumerate(runs):
        state = connections[number % len(servers)].wait_by_asking(run_id, 0.02)
        if state != "SUCCESS" or (faults := faults_of(books[number], TARGETS)):
            raise SystemExit(f"a run on {len(servers)} servers ended {state}: {faults}")
    seconds, jobs = time.perf_counter() - begin, BOOKS * pages * STEPS
    costs = {name: (used - before[name]) / jobs * 1e3 for name, used in _cpu(servers).items()}
    return Point(len(servers), jobs / seconds, costs)


def _cpu(servers: Sequence[ClusterServer]) -> dict[str, float]:
    return {
        "servers": sum(server.cpu_seconds() for server in servers),
        **servers[0].others_cpu_seconds(),
        "processors": servers[0].runners_cpu_seconds(),
    }


def _row(point: Point, pages: int, bare: Bracket) -> Figure:
    rate = point.jobs_a_second
    what = f"{point.servers} server{'s' if point.servers > 1 else ''}, {BOOKS} books of {pages:,} pages × {STEPS} steps"
    return Figure(what, f"{rate:,.0f} jobs/s", bare_loops=f"{rate * bare.mean / 1e3:.1f} ×")


def _costs(point: Point) -> str:
    told = ", ".join(f"{name} {cost:.2f}" for name, cost in point.costs.items())
    cores = sum(point.costs.values()) * point.jobs_a_second / 1e3
    return f"{point.servers} servers, ms of CPU a job: {told}; {cores:.2f} cores in use on average."
