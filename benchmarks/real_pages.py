"""Real recognition: what a run costs above the processor's own time, with ``ocrd-tesserocr-recognize`` on set pages."""

from __future__ import annotations

import os
import shutil
import statistics
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from pathlib import Path
from time import perf_counter

from benchmarks import bare_loop
from benchmarks.bare_loop import BareLoop
from benchmarks.conditions import Conditions
from benchmarks.connection import Events, split_between
from benchmarks.figures import Figure, Group
from benchmarks.server import Server, environment_with, serving
from offizin.demo.book import render_book
from offizin.errors import Unavailable
from offizin.processors.language_data import VARIABLE, find_tessdata
from offizin.workspaces.image_import import import_images

EXECUTABLE = "ocrd-tesserocr-recognize"
PROCESSOR = "ocrd_tesserocr.recognize:TesserocrRecognize"
PARAMETERS = {"model": "eng", "segmentation_level": "region", "textequiv_level": "word"}
STEP = "tesserocr-recognize -I OCR-D-IMG -O {target} " + " ".join(
    f"-P {key} {value}" for key, value in PARAMETERS.items()
)
TARGET = 0.05  # of the processor's own time
SEED = 1784
# Tesseract would use more threads than it has cores; both sides get one each.
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def measure(conditions: Conditions) -> Group:
    title = f"Real pages: {EXECUTABLE}"
    try:
        environment = environment_with(**THREADS, **{VARIABLE: str(find_tessdata(["eng"], os.environ))})
    except Unavailable as missing:
        return Group(title, [Figure("overhead", "not measured", f"≤ {TARGET:.0%}")], [missing.message])
    pages, rounds = (4, 1) if conditions.quick else (12, 2)
    images = [page.image for page in render_book(conditions.new_directory("images"), pages, SEED).pages]
    first = import_images(images, conditions.new_directory("real"), identifier="benchmark").mets
    figures, lines = [], []
    for slots in (1, 2):
        loop, run, line = _compare(conditions, first, slots, rounds, environment)
        what, loops = (
            (f"{pages} pages, 1 slot", "a bare loop") if slots == 1 else (f"{pages} pages, 2 slots", "2 bare loops")
        )
        figures += [
            _row(f"{what}: wall time above the processor's own in the run", run.wall * slots / run.own - 1),
            _row(f"{what}: wall time above {loops} over the same pages", run.wall / loop.wall - 1),
            _row(f"{what}: CPU of server and runners above that of {loops}", run.cpu / loop.cpu - 1),
        ]
        lines.append(line)
    lines.append("With two slots the end of the run, where one of them has nothing left to do, is in these figures.")
    return Group(title, figures, lines)


@dataclass(frozen=True)
class Spent:
    """Seconds: by the clock, of CPU in all processes, and (of runs) what the processors say they took."""

    wall: float
    cpu: float
    own: float = 0.0


def _row(what: str, overhead: float) -> Figure:
    return Figure(what, f"{overhead:+.1%}", f"≤ {TARGET:.0%}", overhead <= TARGET)


def _compare(
    conditions: Conditions, mets: Path, slots: int, rounds: int, environment: dict[str, str]
) -> tuple[Spent, Spent, str]:
    """What bare loops and runs took (medians), and one line on it. They take turns, so that both see the same
    machine."""
    loops: list[Spent] = []
    runs: list[Spent] = []
    home = conditions.new_directory("home")
    with serving(home, slots=slots, environment=environment) as server, server.connect().events() as events:
        _run(conditions, server, events, mets)  # to load its runners
        for _ in range(rounds):
            loops.append(_bare_loops(conditions, mets, slots, environment))
            runs.append(_run(conditions, server, events, mets))
        loops.append(_bare_loops(conditions, mets, slots, environment))
    line = (
        f"{slots} slot{'s' if slots > 1 else ''}: runs {', '.join(f'{run.wall:.2f}' for run in runs)} s, "
        f"bare loops {', '.join(f'{loop.wall:.2f}' for loop in loops)} s."
    )
    return _median(loops), _median(runs), line


def _median(found: list[Spent]) -> Spent:
    return Spent(*(statistics.median(values) for values in zip(*map(astuple, found), strict=True)))


def _run(conditions: Conditions, server: Server, events: Events, mets: Path) -> Spent:
    """From before the submission until SUCCESS is shown."""
    book, connection = _copy(conditions, mets), server.connect()
    health, cpu, begin = (
        connection.ask("GET", "/healthz"),
        server.cpu_seconds() + server.runners_cpu_seconds(),
        perf_counter(),
    )
    submitted = connection.submit(book, STEP.format(target="OCR-D-OCR"))
    if (state := events.wait_for_end(submitted.run_id)) != "SUCCESS":
        raise SystemExit(f"a run of {EXECUTABLE} ended {state}")
    wall = perf_counter() - begin
    cpu = server.cpu_seconds() + server.runners_cpu_seconds() - cpu
    return Spent(wall, cpu, split_between(health, connection.ask("GET", "/healthz"))["runner"][1])


def _bare_loops(conditions: Conditions, mets: Path, slots: int, environment: dict[str, str]) -> Spent:
    """``slots`` processes, each with its share of the pages, until the last is through; loading aside."""
    logs = conditions.new_directory("loops")
    logs.mkdir()

    def run(number: int) -> BareLoop:
        book = _copy(conditions, mets)
        groups, share = ["OCR-D-IMG", "OCR-D-OCR"], f"{number}/{slots}"
        called = bare_loop.command(PROCESSOR, EXECUTABLE, book, PARAMETERS, groups, share)
        return bare_loop.run(called, logs / f"{number}.log", environment)

    with ThreadPoolExecutor(slots) as together:
        loops = list(together.map(run, range(slots)))
    return Spent(max(loop.seconds for loop in loops), sum(loop.cpu for loop in loops))


def _copy(conditions: Conditions, mets: Path) -> Path:
    return shutil.copytree(mets.parent, conditions.new_directory("real")) / "mets.xml"
