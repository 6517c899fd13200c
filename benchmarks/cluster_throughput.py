"""The cluster size beside the embedded one, in one run: the same books through both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.bare_loop import Bracket, bracket
from benchmarks.books import make_book
from benchmarks.cluster import SLOTS, ClusterServer, cluster, infrastructure
from benchmarks.conditions import Conditions
from benchmarks.connection import Events
from benchmarks.figures import Figure, Group, ReferenceFigures
from benchmarks.server import Server, serving
from benchmarks.throughput import NOISE, Measured, measure_run
from benchmarks.warm_up import STEPS, warm_up

TARGET = 500.0  # jobs a second
TARGET_BARE_LOOPS = 2.5


@dataclass(frozen=True)
class Costs:
    """Milliseconds of the processors' time for a job, by who has used it; ``cores``: in use on average."""

    parts: dict[str, float]
    cores: float


@dataclass(frozen=True)
class Pair:
    """The medians of both sizes."""

    embedded: Measured
    clustered: Measured
    costs: Costs


def measure(conditions: Conditions) -> Group:
    sizes = {100: 3, 1000: 1} if conditions.quick else {100: 5, 1000: 3, 10_000: 1}
    with (
        bracket(conditions.directory) as bare,
        infrastructure() as services,
        cluster(conditions.new_directory("cluster"), services) as [clustered],
        serving(conditions.new_directory("embedded"), slots=SLOTS) as embedded,
        clustered.connect().events() as events_of_cluster,
        embedded.connect().events() as events,
    ):
        sides = [Side(conditions, clustered, events_of_cluster), Side(conditions, embedded, events)]
        pairs = {pages: _pair(sides, pages, times) for pages, times in sizes.items()}
    figures = [row for pair in pairs.values() for row in _rows(pair, bare, conditions.reference)]
    if 10_000 in pairs:
        slower = pairs[1000].clustered.jobs_a_second / pairs[10_000].clustered.jobs_a_second
        flat = slower < 1 + NOISE
        figures.append(Figure("10,000 pages beside 1,000, time of a job", f"{slower:.2f} ×", "flat (±5 %)", flat))
    return Group("The cluster on one machine", figures, [str(bare)], _costs_table(pairs))


class Side:
    """One of the two sizes, warm."""

    def __init__(self, conditions: Conditions, server: Server, events: Events) -> None:
        self._conditions = conditions
        self._server = server
        self._events = events
        self._connection = server.connect()
        warm_up(conditions, server, self._connection, events, runners=SLOTS)

    def run(self, pages: int) -> tuple[Measured, Costs]:
        book = make_book(self._conditions.new_directory(f"book-{pages}"), pages)
        before = _others(self._server)
        measured = measure_run(self._server, self._connection, self._events, book)
        others = {name: seconds - before[name] for name, seconds in _others(self._server).items()}
        return measured, _costs(measured, others)


def _pair(sides: Sequence[Side], pages: int, times: int) -> Pair:
    """They take turns, so that both have the same neighbours on the machine."""
    found: list[list[tuple[Measured, Costs]]] = [[], []]
    for _ in range(times):
        for side, measured in zip(sides, found, strict=True):
            measured.append(side.run(pages))
    (clustered, costs), (embedded, _) = (
        sorted(measured, key=lambda each: each[0].seconds)[times // 2] for measured in found
    )
    return Pair(embedded, clustered, costs)


def _others(server: Server) -> dict[str, float]:
    return server.others_cpu_seconds() if isinstance(server, ClusterServer) else {}


def _costs(measured: Measured, others: dict[str, float]) -> Costs:
    seconds = {"server": measured.server_cpu, **others, "processors": measured.runners_cpu}
    return Costs(
        {name: used / measured.jobs * 1e3 for name, used in seconds.items()}, sum(seconds.values()) / measured.seconds
    )


def _rows(pair: Pair, bare: Bracket, reference: ReferenceFigures) -> list[Figure]:
    rate, pages = pair.clustered.jobs_a_second, f"{pair.clustered.pages:,} pages × {STEPS} steps"
    loops, has_target = rate * bare.mean / 1e3, pair.clustered.pages <= 1000
    target, met = (f"≥ {TARGET:,.0f} jobs/s", rate >= TARGET) if has_target else ("", None)
    beside = pair.embedded.jobs_a_second
    rows = [
        Figure(
            f"{pages}, cluster", f"{rate:,.0f} jobs/s", target, met, bare_loops=f"{loops:.1f} ×",
            reference=reference.faster(rate) if pair.clustered.pages == reference.pages else "",
        ),
        Figure(
            f"{pages}, embedded", f"{beside:,.0f} jobs/s", bare_loops=f"{beside * bare.mean / 1e3:.1f} ×",
            reference=reference.faster(beside) if pair.embedded.pages == reference.pages else "",
        ),
        Figure(f"{pages}, cluster beside embedded", f"{rate / beside:.2f} ×"),
    ]  # fmt: skip
    if has_target:
        wanted = f"≥ {TARGET_BARE_LOOPS}"
        rows.insert(1, Figure(f"{pages}, cluster, in bare loops", f"{loops:.1f}", wanted, loops >= TARGET_BARE_LOOPS))
    return rows


def _costs_table(pairs: dict[int, Pair]) -> str:
    names = list(next(iter(pairs.values())).costs.parts)
    lines = ["ms of CPU a job, cluster".ljust(26) + "".join(f"{pages:>10,} p." for pages in pairs)]
    for name in names:
        lines.append(name.ljust(26) + "".join(f"{pair.costs.parts[name]:>13.3f}" for pair in pairs.values()))
    lines.append("all".ljust(26) + "".join(f"{sum(pair.costs.parts.values()):>13.3f}" for pair in pairs.values()))
    lines.append("cores in use".ljust(26) + "".join(f"{pair.costs.cores:>13.2f}" for pair in pairs.values()))
    return "\n".join(lines)
