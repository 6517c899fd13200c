"""Opening, asking, changing and saving a METS, beside ocrd_models.OcrdMets: ``python -m benchmarks.mets_figures``.

No server is needed. OcrdMets is measured at its best, with its caches on.
"""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from ocrd import Resolver, Workspace
from ocrd_models import OcrdMets
from rich.console import Console

from benchmarks import tables
from benchmarks.conditions import Conditions, machine
from benchmarks.figures import Figure, Group
from offizin.messages import Delta, File
from offizin.mets.create import NewPage, create
from offizin.mets.index import MetsIndex
from offizin.mets.save import save

_T = TypeVar("_T")

FILE_GRPS = ("OCR-D-IMG", "OCR-D-BIN", "OCR-D-SEG", "OCR-D-OCR")
ADDED = 100  # files in one save

_RESIDENT = """
import os, sys
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
from pathlib import Path
from typing import TypeVar
{imports}
before = resident()
kept = {opens}
print(resident() - before)
"""
_OURS = ("from offizin.mets.index import MetsIndex", "MetsIndex.read(Path(sys.argv[1]))")
_THEIRS = ("from ocrd_models import OcrdMets", "OcrdMets(filename=sys.argv[1], cache_flag=True)")


def measure(conditions: Conditions) -> Group:
    sizes = (100, 1000) if conditions.quick else (100, 1000, 10_000)
    figures = [figure for pages in sizes for figure in _of_one_size(conditions.new_directory("mets"), pages)]
    return Group(
        f"METS of {len(FILE_GRPS)} file groups",
        figures,
        ["The reference is ocrd_models.OcrdMets, caches on, and Workspace.save_mets. Memory: of a fresh process."],
    )


def _of_one_size(directory: Path, pages: int) -> list[Figure]:
    path = _make(directory, pages)
    figures = _times(path, pages)
    gc.collect()
    return [*figures, _waits(path, pages), *_memory(path, pages)]


def _times(path: Path, pages: int) -> list[Figure]:
    opened, index = _best(lambda: MetsIndex.read(path))
    opened_there, reference = _best(lambda: OcrdMets(filename=str(path), cache_flag=True))
    some = index.pages[:: max(1, pages // 100)][:100]
    group = FILE_GRPS[-1]

    def row(what: str, ours: float, theirs: float | None, target: float | None = None) -> Figure:
        return Figure(
            f"{pages:,} pages: {what}",
            _told(ours),
            "" if target is None else f"≤ {_told(target)}",
            None if target is None else ours <= target,
            reference="" if theirs is None else f"{_ratio(theirs / ours)} × faster ({_told(theirs)})",
        )

    big = pages == 10_000
    rows = [row("open", opened, opened_there, 1.0 if big else None)]
    looked_up = min(_each(some, lambda page: index.files(group, page)) for _ in range(5))
    rows.append(row("look up a page's files of a group", looked_up, _each(some, _finder(reference, group))))
    sliced = min(_each(some, lambda page: index.slice([page])) for _ in range(5))
    rows.append(row("slice of one page", sliced, _each(some, _finder(reference, None)), 10e-6))

    deltas = [Delta([File(f"NEW_{page}", "NEW", "text/xml", page, f"NEW/{page}.xml")]) for page in some]
    applied = _each(deltas, index.apply)
    added = _each(some, lambda page: _add(reference, page))
    rows.append(row("take in a delta of one file", applied, added))
    workspace = Workspace(Resolver(), str(path.parent), mets=reference, mets_basename="reference.xml")
    saved_there, _ = _best(workspace.save_mets)
    original, stamp = path.read_bytes(), index.stamp

    def save_anew() -> None:
        path.write_bytes(original)
        index.stamp = save(path, deltas, stamp)

    rows.append(row(f"save with {len(deltas)} new files", _best(save_anew)[0], saved_there, 1.0 if big else None))
    again = [Delta([File("ONE_MORE", "NEW", "text/xml", some[0], "NEW/more.xml")], overwrite=True)]
    begin = time.perf_counter()
    index.stamp = save(path, again, index.stamp)
    rows.append(row("save that overwrites a file", time.perf_counter() - begin, None))
    return rows


def _make(directory: Path, pages: int) -> Path:
    directory.mkdir()
    path = directory / "mets.xml"
    new = [
        NewPage(page, [File(f"{g}_{page}", g, "image/tiff", page, f"{g}/{g}_{page}.tif") for g in FILE_GRPS])
        for page in (f"PHYS_{number:05d}" for number in range(1, pages + 1))
    ]
    create(path, new, "benchmark")
    return path


def _finder(mets: OcrdMets, file_grp: str | None) -> Callable[[str], object]:
    return lambda page: list(mets.find_files(fileGrp=file_grp, pageId=page))


def _add(mets: OcrdMets, page: str) -> None:
    mets.add_file("NEW", ID=f"NEW_{page}", mimetype="text/xml", pageId=page, local_filename=f"NEW/{page}.xml")


def _best(call: Callable[[], _T], times: int = 3) -> tuple[float, _T]:
    """Seconds of the fastest, and what it gave."""
    measured = []
    for _ in range(times):
        begin = time.perf_counter()
        found = call()
        measured.append((time.perf_counter() - begin, found))
    return min(measured, key=lambda each: each[0])


def _each(values: Sequence[_T], call: Callable[[_T], object]) -> float:
    """Seconds of one call, in the mean over ``values``."""
    begin = time.perf_counter()
    for value in values:
        call(value)
    return (time.perf_counter() - begin) / len(values)


def _ratio(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def _waits(path: Path, pages: int) -> Figure:
    """How long an event loop has to wait, at most, while a thread beside it opens and saves."""

    async def beside(work: Callable[[], object]) -> float:
        longest, done = 0.0, asyncio.ensure_future(asyncio.to_thread(work))
        last = time.perf_counter()
        while not done.done():
            await asyncio.sleep(0.0005)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now
        await done
        return longest

    async def both() -> tuple[float, float]:
        index = MetsIndex.read(path)
        new = [Delta([File(f"WAIT_{n}", "NEW", "text/xml", page, "x")]) for n, page in enumerate(index.pages[:ADDED])]
        saving = await beside(lambda: save(path, new, index.stamp))
        return await beside(lambda: MetsIndex.read(path)), saving

    opening, saving = asyncio.run(both())
    return Figure(
        f"{pages:,} pages: an event loop beside it waits, saving (opening)",
        f"{_told(saving)} ({_told(opening)})",
        "≤ 50 ms",
        saving <= 0.050,
    )


def _memory(path: Path, pages: int) -> list[Figure]:
    ours, theirs = (_resident(path, *which) for which in (_OURS, _THEIRS))
    figures = [
        Figure(
            f"{pages:,} pages: memory of the process grows by",
            f"{ours / 1e6:.1f} MB",
            reference=f"{theirs / 1e6:.1f} MB",
        )
    ]
    if pages == 100:
        tracemalloc.start()
        index = MetsIndex.read(path)
        gc.collect()
        held = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert index.pages
        figures.append(Figure(f"{pages} pages: an open workspace holds", f"{held / 1e6:.2f} MB", "≤ 3 MB", held <= 3e6))
    return figures


def _resident(path: Path, imports: str, opens: str) -> int:
    code = _RESIDENT.format(imports=imports, opens=opens)
    result = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True, env={**os.environ}
    )
    return int(result.stdout)


def _told(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{seconds * 1e6:.1f} µs"
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"


def main() -> None:
    console = Console()
    quick = "--quick" in sys.argv[1:]
    console.print(machine(quick), highlight=False)
    with tempfile.TemporaryDirectory(prefix="offizin-benchmark-") as working:
        tables.show(console, measure(Conditions(Path(working), quick)))


if __name__ == "__main__":
    main()
