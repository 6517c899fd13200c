"""A million jobs that wait in a cluster: the memory of the server, and whether those that run are slowed down."""

from __future__ import annotations

from benchmarks.bare_loop import bracket
from benchmarks.cluster import cluster, infrastructure
from benchmarks.conditions import Conditions
from benchmarks.figures import Figure, Group
from benchmarks.waiting import GAPS, measure_waiting, plot

MB = 1e6
STEPS = (10_000, 100_000, 1_000_000)
# "Flat": what the METS indexes of the books that were measured meanwhile take, and more.
GROWTH = 30.0  # MB


def measure(conditions: Conditions) -> Group:
    steps = STEPS[:2] if conditions.quick else STEPS
    with (
        bracket(conditions.directory) as bare,
        infrastructure() as services,
        cluster(conditions.new_directory("cluster"), services) as [server],
    ):
        found = measure_waiting(conditions, server, steps, 1 if conditions.quick else 3)
    first = found.points[0].resident / MB
    memory = [
        Figure(
            f"memory of the server, {point.waiting:,} waiting", f"{point.resident / MB:.0f} MB",
            f"flat (+{GROWTH:.0f} MB)", point.resident / MB <= first + GROWTH,
        )
        for point in found.points[1:-1]
    ]  # fmt: skip
    none = Figure("memory of the server, none waiting", f"{first:.0f} MB")
    rows = [*found.rows(bare), none, *memory]
    return Group("Waiting jobs in a cluster", rows, [str(bare), GAPS], plot(found.points))
