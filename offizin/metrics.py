"""The metrics of a server and of a worker, in Prometheus's text format: the list of them, and how values are told.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/, https://prometheus.io/docs/practices/naming/.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate

import psutil
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from offizin.tallies import BUCKETS, Durations, Tallies

MEDIA_TYPE = CONTENT_TYPE_LATEST


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True)
class Described:
    """``tellers``: who tells it, server or worker or both."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    about: str
    tellers: tuple[str, ...]


_C, _G, _H = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM
_SERVER, _WORKER, _BOTH = ("server",), ("worker",), ("server", "worker")
_P = ("processor",)

DESCRIBED = {
    described.name: described
    for described in (
        Described("offizin_info", _G, ("version",), "always 1", _BOTH),
        Described("offizin_start_time_seconds", _G, (), "when the process started, since the epoch", _BOTH),
        Described("offizin_cpu_seconds_total", _C, (), "processor time of the process, without its runners", _BOTH),
        Described("offizin_resident_bytes", _G, (), "memory of the process, without its runners", _BOTH),
        Described("offizin_open_files", _G, (), "file descriptors of the process", _BOTH),
        Described("offizin_runners", _G, ("processor", "state"), "processors loaded here: busy or idle", _BOTH),
        Described("offizin_runners_resident_bytes", _G, _P, "memory of the processors loaded here", _BOTH),
        Described("offizin_piece_seconds", _H, _P, "how long a processor has worked on a piece of work", _BOTH),
        Described("offizin_runs_live", _G, (), "runs that have not ended", _SERVER),
        Described("offizin_jobs_open", _G, (), "jobs that are not over, also those that wait for others", _SERVER),
        Described(
            "offizin_jobs", _G, ("processor", "state"),
            "jobs that are not over and wait for no other: ready, queued or running", _SERVER,
        ),
        Described("offizin_jobs_submitted_total", _C, _P, "jobs", _SERVER),
        Described("offizin_jobs_ended_total", _C, ("processor", "state"), "jobs, by the state they ended in", _SERVER),
        Described(
            "offizin_pieces_ended_total", _C, ("processor", "outcome"),
            "attempts at pieces of work, by SUCCESS or the cause of their failure", _SERVER,
        ),
        Described("offizin_pages_failed_total", _C, ("processor", "cause"), "pages that an attempt failed on", _SERVER),
        Described("offizin_pieces_in_flight", _G, _P, "pieces that are with the broker or with workers", _SERVER),
        Described("offizin_window", _G, _P, "how many pieces may be in flight now", _SERVER),
        Described("offizin_slots", _G, _P, "how many pieces can be worked on at once; 0 while it is paused", _SERVER),
        Described("offizin_queue_depth", _G, ("queue",), "messages that wait with the broker for a consumer", _SERVER),
        Described("offizin_workers", _G, ("host",), "workers that live", _SERVER),
        Described(
            "offizin_paused",
            _G,
            ("kind", "name"),
            "1 for each processor, host, step (`RUN/STEP`) and processor on a host (`HOST/PROCESSOR`) that is paused",
            _SERVER,
        ),
        Described("offizin_workspaces_open", _G, (), "METS whose index is in memory", _SERVER),
        Described("offizin_mets_saves_total", _C, (), "saves of METS files", _SERVER),
        Described("offizin_mets_save_seconds_total", _C, (), "from asking for them to their end", _SERVER),
        Described(
            "offizin_database_transaction_seconds", _H, ("kind",),
            "transactions, from asking for them to their end: read, write, or synced (on disk when it ends)", _SERVER,
        ),
        Described("offizin_callbacks", _G, ("state",), "callbacks: due now, or put off until another try", _SERVER),
        Described("offizin_part_seconds_total", _C, ("part",), "where its time goes, as in GET /healthz", _SERVER),
        Described("offizin_part_total", _C, ("part",), "how often each part was done", _SERVER),
        Described("offizin_worker_slots", _G, _P, "how many pieces of it this worker works on at once", _WORKER),
        Described("offizin_worker_pieces", _G, _P, "pieces in the hands of this worker, begun or not", _WORKER),
        Described("offizin_worker_lease_seconds", _G, (), "what is left of its lease; 0: it must not work", _WORKER),
        Described("offizin_worker_sessions_total", _C, (), "sessions; all but the first after one was lost", _WORKER),
        Described("offizin_worker_paused", _G, (), "1 while its host is paused", _WORKER),
    )
}  # fmt: skip


class Exposition:
    """What is told when somebody asks once. Only what is in ``DESCRIBED`` can be told."""

    def __init__(self) -> None:
        self._families: dict[str, Metric] = {}

    def tell(self, name: str, value: float, *labels: str) -> None:
        family = self._family(name)
        assert isinstance(family, CounterMetricFamily | GaugeMetricFamily)
        family.add_metric(labels, value)

    def tell_durations(self, name: str, found: Durations, *labels: str) -> None:
        family = self._family(name)
        assert isinstance(family, HistogramMetricFamily)
        ends = [*map(str, BUCKETS), "+Inf"]
        buckets: list[tuple[str, float]] = list(zip(ends, accumulate(found.counts), strict=True))
        family.add_metric(labels, buckets, found.seconds)

    def collect(self) -> Iterator[Metric]:
        """As a collector of prometheus_client, in the order of the list."""
        yield from (self._families[name] for name in DESCRIBED if name in self._families)

    def text(self) -> bytes:
        return generate_latest(self)

    def _family(self, name: str) -> Metric:
        if name not in self._families:
            described = DESCRIBED[name]
            kinds = {_C: CounterMetricFamily, _G: GaugeMetricFamily, _H: HistogramMetricFamily}
            self._families[name] = kinds[described.kind](name, described.about, labels=described.labels)
        return self._families[name]


def tell_process(told: Exposition, version: str, runners: list[tuple[str, int, bool]]) -> None:
    """``runners``: ``(processor, process id, busy)``."""
    process = psutil.Process()
    told.tell("offizin_info", 1, version)
    told.tell("offizin_start_time_seconds", process.create_time())
    times = process.cpu_times()
    told.tell("offizin_cpu_seconds_total", times.user + times.system)
    told.tell("offizin_resident_bytes", process.memory_info().rss)
    told.tell("offizin_open_files", process.num_fds())
    for processor in sorted({name for name, _, _ in runners}):
        states = [busy for name, _, busy in runners if name == processor]
        told.tell("offizin_runners", sum(states), processor, "busy")
        told.tell("offizin_runners", len(states) - sum(states), processor, "idle")
        memory = sum(_resident_bytes(pid) for name, pid, _ in runners if name == processor)
        told.tell("offizin_runners_resident_bytes", memory, processor)


def tell_pieces(told: Exposition, tallies: Tallies) -> None:
    for processor, durations in sorted(tallies.durations.items()):
        told.tell_durations("offizin_piece_seconds", durations, processor)


def _resident_bytes(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:  # it has just ended
        return 0
