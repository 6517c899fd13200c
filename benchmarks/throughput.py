"""Page-wise ``ocrd-dummy``, three steps, two slots: the whole product over HTTP, with logs, METS and events."""

from __future__ import annotations

import time
from dataclasses import dataclass

from benchmarks.bare_loop import Bracket, bracket
from benchmarks.books import Book, faults_of, make_book
from benchmarks.conditions import Conditions
from benchmarks.connection import Connection, Events, split_between
from benchmarks.figures import Figure, Group, ReferenceFigures
from benchmarks.server import Server, serving
from benchmarks.warm_up import STEPS, TARGETS, WORKFLOW, warm_up

SLOTS = 2
TARGET = 1000.0  # jobs a second
TARGET_BARE_LOOPS = 5.0
TARGET_SUBMIT = 0.2  # seconds, 1,000 pages
# "No slower per job at 10,000 pages": what two measurements of the same thing differ by anyway.
NOISE = 0.05


@dataclass(frozen=True)
class Measured:
    """Seconds from before the submission until SUCCESS is shown (the METS is saved then)."""

    pages: int
    seconds: float
    submit_seconds: float
    server_cpu: float
    runners_cpu: float
    split: dict[str, tuple[int, float]]

    @property
    def jobs(self) -> int:
        return self.pages * STEPS

    @property
    def jobs_a_second(self) -> float:
        return self.jobs / self.seconds


def measure(conditions: Conditions) -> Group:
    sizes = {100: 3, 1000: 1} if conditions.quick else {100: 5, 1000: 3, 10_000: 1}
    found: dict[int, Measured] = {}
    home = conditions.new_directory("home")
    with bracket(conditions.directory) as bare, serving(home, slots=SLOTS) as server:
        connection = server.connect()
        with server.connect().events() as events:
            warm_up(conditions, server, connection, events, runners=SLOTS)
            for pages, times in sizes.items():
                all_measured = []
                for _ in range(times):
                    book = make_book(conditions.new_directory(f"book-{pages}"), pages)
                    all_measured.append(measure_run(server, connection, events, book))
                all_measured.sort(key=lambda measured: measured.seconds)
                found[pages] = all_measured[len(all_measured) // 2]
    figures = [row for measured in found.values() for row in _rows(measured, bare, conditions.reference)]
    if 10_000 in found:
        slower = found[1000].jobs_a_second / found[10_000].jobs_a_second
        figures.append(
            Figure(
                "10,000 pages beside 1,000, time of a job", f"{slower:.2f} ×", "no slower (±5 %)", slower < 1 + NOISE
            )
        )
    return Group("Throughput", figures, [str(bare), *map(_costs, found.values())], _split_table(found))


def measure_run(server: Server, connection: Connection, events: Events, book: Book) -> Measured:
    """One run, looked at afterwards: the figure of a wrong result would be worth nothing."""
    health = connection.ask("GET", "/healthz")
    server_cpu, runners_cpu = server.cpu_seconds(), server.runners_cpu_seconds()
    begin = time.perf_counter()
    submitted = connection.submit(book.mets, WORKFLOW)
    state = events.wait_for_end(submitted.run_id)
    seconds = time.perf_counter() - begin
    measured = Measured(
        pages=len(book.pages),
        seconds=seconds,
        submit_seconds=submitted.seconds,
        server_cpu=server.cpu_seconds() - server_cpu,
        runners_cpu=server.runners_cpu_seconds() - runners_cpu,
        split=split_between(health, connection.ask("GET", "/healthz")),
    )
    summary = connection.ask("GET", f"/workflow/job/{submitted.run_id}/summary")
    counted = [step["counts"] for step in summary["steps"]]
    faults = faults_of(book, TARGETS)
    if state != "SUCCESS" or counted != [{"SUCCESS": len(book.pages)}] * STEPS or faults:
        raise SystemExit(f"a run of {len(book.pages)} pages ended {state}: {counted} {faults}")
    return measured


def _rows(measured: Measured, bare: Bracket, reference: ReferenceFigures) -> list[Figure]:
    rate, pages = measured.jobs_a_second, f"{measured.pages:,} pages × {STEPS} steps"
    loops = rate * bare.mean / 1e3
    small = measured.pages <= 1000
    rows = [
        Figure(
            pages,
            f"{rate:,.0f} jobs/s",
            f"≥ {TARGET:,.0f} jobs/s" if small else "",
            rate >= TARGET if small else None,
            bare_loops=f"{loops:.1f} ×",
            reference=reference.faster(rate) if measured.pages == reference.pages else "",
        ),
    ]
    if small:
        met = loops >= TARGET_BARE_LOOPS
        rows.append(Figure(f"{pages}, in bare loops", f"{loops:.1f}", f"≥ {TARGET_BARE_LOOPS:.0f}", met))
    submit, of_size = measured.submit_seconds, measured.pages == 1000
    target, met_submit = (f"≤ {TARGET_SUBMIT} s", submit <= TARGET_SUBMIT) if of_size else ("", None)
    shorter = reference.shorter(submit, reference.submit_seconds) if measured.pages == reference.pages else ""
    rows.append(Figure(f"{pages}, submit", f"{submit:.3f} s", target, met_submit, reference=shorter))
    return rows


def _costs(measured: Measured) -> str:
    server, runners = (cpu / measured.jobs * 1e3 for cpu in (measured.server_cpu, measured.runners_cpu))
    used = (measured.server_cpu + measured.runners_cpu) / measured.seconds
    return (
        f"{measured.pages:,} pages: {server:.2f} ms of the server's CPU a job, {runners:.2f} ms of the runners'; "
        f"{used:.2f} cores in use on average (all of 2 would do {2e3 / (server + runners):,.0f} jobs/s)."
    )


def _split_table(found: dict[int, Measured]) -> str:
    """Milliseconds a job of each part, as GET /healthz counts them: wall time, parts overlap."""
    parts = list(dict.fromkeys(part for measured in found.values() for part in measured.split))
    lines = ["ms a job".ljust(24) + "".join(f"{pages:>10,} p." for pages in found)]
    for part in parts:
        cells = [measured.split.get(part, (0, 0.0))[1] / measured.jobs * 1e3 for measured in found.values()]
        lines.append(part.ljust(24) + "".join(f"{cell:>13.3f}" for cell in cells))
    whole = [measured.seconds / measured.jobs * 1e3 for measured in found.values()]
    lines.append("all, wall time".ljust(24) + "".join(f"{cell:>13.3f}" for cell in whole))
    return "\n".join(lines)
