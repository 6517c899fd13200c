"""One job of one page through a warm cluster, from its submission until SUCCESS is shown."""

from __future__ import annotations

from benchmarks.bare_loop import bracket
from benchmarks.cluster import SLOTS, cluster, infrastructure
from benchmarks.conditions import Conditions
from benchmarks.figures import Group
from benchmarks.latency import EVERY, one_job, row
from benchmarks.warm_up import warm_up

TARGET = 0.030  # seconds, warm


def measure(conditions: Conditions) -> Group:
    times = 15 if conditions.quick else 50
    with (
        bracket(conditions.directory) as bare,
        infrastructure() as services,
        cluster(conditions.new_directory("cluster"), services) as [server],
        server.connect().events() as events,
    ):
        connection = server.connect()

        def by_asking(run_id: str) -> str:
            return connection.wait_by_asking(run_id, EVERY)

        warm_up(conditions, server, connection, events, runners=SLOTS)
        told = [one_job(conditions, connection, events.wait_for_end) for _ in range(times)]
        asked = [one_job(conditions, connection, by_asking) for _ in range(times)]
    figures = [
        row("one warm page, told by /events", told, TARGET, bare.mean, conditions.reference),
        row(f"one warm page, asked every {EVERY * 1e3:.0f} ms", asked, TARGET, bare.mean, conditions.reference),
    ]
    return Group("Latency of one job in a cluster", figures, [str(bare)])
