"""What one job costs at least: a bare loop over the whole METS against the runner with slices.

    python -m benchmarks.runner_floor [--pages 100] [--steps 3] [--directory DIR]

Both do the same page-wise steps of ``ocrd-dummy`` (parameter copy_files false) on the same tiny images. The bare loop
calls ``Processor.process_workspace`` page by page in one process, as ``ocrd process`` would without starting anything.
The runner is driven over its socket with sixteen pieces in flight, with a log file for each job. Prints milliseconds a
job and the ratio; the first step reads images, the others PAGE-XML.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import psutil

from benchmarks.bare_loop import bare_dummy_loop
from benchmarks.books import SOURCE, make_book
from offizin.messages import File, Piece, Slice, decode_result, encode
from offizin.workers.runner_process import Reported, RunnerProcess

IN_FLIGHT = 16
PARAMETERS = {"copy_files": False}


async def runner(directory: Path, executable: Path, pages: int, steps: int) -> tuple[list[float], float, float]:
    """Seconds a job, step by step; the runner's own CPU seconds a job; seconds from start to handshake."""
    book = make_book(directory, pages)
    files = {page: [_source_file(page)] for page in book.pages}
    begin = time.perf_counter()
    process = await RunnerProcess.start(
        executable, log=directory / "runner.log", threads=1, load_limit=60, job_logs=directory
    )
    started = time.perf_counter() - begin
    own = psutil.Process(process.pid)
    cpu = sum(own.cpu_times()[:2])
    source, seconds = SOURCE, []
    for step in range(steps):
        target = f"STEP-{step}"
        pieces = [piece(directory, page, files[page], source, target) for page in files]
        begin = time.perf_counter()
        for body in pieces[:IN_FLIGHT]:
            process.send(body)
        sent, results = min(IN_FLIGHT, len(pieces)), []
        async with contextlib.aclosing(process.events()) as batches:
            async for events in batches:
                results += [event.body for event in events if isinstance(event, Reported)]
                for body in pieces[sent : len(results) + IN_FLIGHT]:
                    process.send(body)
                    sent += 1
                if len(results) == len(pieces):
                    break
        seconds.append((time.perf_counter() - begin) / pages)
        for outcome in (page for body in results for page in decode_result(body).pages):
            if outcome.cause is not None:
                raise SystemExit(f"{outcome.page}: {outcome.cause} {outcome.message}")
            files[outcome.page] += outcome.files
        source = target
    cpu = (sum(own.cpu_times()[:2]) - cpu) / pages / steps
    await process.stop(grace=10)
    return seconds, cpu, started


def _source_file(page: str) -> File:
    return File(f"{SOURCE}_{page}", SOURCE, "image/png", page, f"{SOURCE}/{SOURCE}_{page}.png")


def piece(directory: Path, page: str, files: list[File], source: str, target: str) -> bytes:
    groups = list(dict.fromkeys(file.file_grp for file in files))
    return encode(
        Piece(
            version=1,
            job=f"{target}-{page}",
            attempt=1,
            piece=0,
            processor="ocrd-dummy",
            parameters=msgspec.Raw(msgspec.json.encode(PARAMETERS)),
            input_file_grps=[source],
            output_file_grps=[target],
            directory=str(directory),
            mets=str(directory / "mets.xml"),
            log=str(directory / "logs" / f"{target}-{page}.log"),
            slice=Slice(pages=[page], files=files, file_groups=groups),
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=100)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--directory", type=Path, help="where to work (making files is slow on some file systems)")
    parser.add_argument("--executable", type=Path, default=Path(sys.executable).parent / "ocrd-dummy")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.directory) as name:
        bare = [sum(step) / len(step) for step in bare_dummy_loop(Path(name), arguments.pages, arguments.steps).steps]
        ours, cpu, started = asyncio.run(
            runner(Path(name) / "runner", arguments.executable, arguments.pages, arguments.steps)
        )
    print(f"{arguments.pages} pages x {arguments.steps} steps of ocrd-dummy, one process; ms a job")
    print(f"bare loop, whole METS   {_row(bare)}")
    print(f"runner, slices          {_row(ours)}   {sum(bare) / sum(ours):.1f} bare loops")
    print(f"runner, its CPU         {cpu * 1e3:6.2f}")
    print(f"runner, start to handshake {started:4.2f} s")


def _row(seconds: list[float]) -> str:
    steps = " ".join(f"{step * 1e3:6.2f}" for step in seconds)
    return f"{sum(seconds) / len(seconds) * 1e3:6.2f}   by step {steps}"


if __name__ == "__main__":
    main()
