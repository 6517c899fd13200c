"""A finished book of 1,000 pages run once more: what a submission takes that finds nothing to do, and one that finds a
changed parameter in the last step, or in the second."""

from __future__ import annotations

import time
from dataclasses import dataclass

from benchmarks.books import Book, faults_of, make_book
from benchmarks.conditions import Conditions
from benchmarks.connection import Connection, Events
from benchmarks.figures import Figure, Group
from benchmarks.server import serving
from benchmarks.warm_up import STEPS, TARGETS, warm_up

SLOTS = 2
TARGET_NOTHING = 2.0  # seconds, 1,000 pages


@dataclass(frozen=True)
class Again:
    """Seconds until the submission was answered, and until SUCCESS was shown; how many jobs there were to do."""

    submit: float
    seconds: float
    jobs: int


def measure(conditions: Conditions) -> Group:
    sizes = (1000,) if conditions.quick else (1000, 10_000)
    figures: list[Figure] = []
    with serving(conditions.new_directory("home"), slots=SLOTS) as server:
        connection = server.connect()
        with server.connect().events() as events:
            warm_up(conditions, server, connection, events, runners=SLOTS)
            for pages in sizes:
                figures += _measure_book(connection, events, make_book(conditions.new_directory(f"b{pages}"), pages))
    lines = [
        "A step that has changed has another parameter, `copy_files`, which means nothing to `ocrd-dummy` where its "
        "input is PAGE. Touched images have new time stamps and inodes, so each is read again."
    ]
    return Group("The same book once more", figures, lines)


def workflow(*changed: int) -> str:
    """Of the warm-up, with a parameter of these steps changed."""
    parameter = {number: ' -P copy_files "true"' if number in changed else "" for number in range(STEPS)}
    groups = ["OCR-D-IMG", *TARGETS]
    return "".join(f"dummy -I {groups[n]} -O {groups[n + 1]}{parameter[n]}\n" for n in range(STEPS))


def _measure_book(connection: Connection, events: Events, book: Book) -> list[Figure]:
    pages = len(book.pages)
    first = _run(connection, events, book, workflow(), jobs=STEPS * pages)
    nothing = _run(connection, events, book, workflow(), jobs=0)
    _touch(book)
    touched = _run(connection, events, book, workflow(), jobs=0)
    last = _run(connection, events, book, workflow(STEPS - 1), jobs=pages)
    second = _run(connection, events, book, workflow(1, STEPS - 1), jobs=(STEPS - 1) * pages)
    if faults := faults_of(book, TARGETS):
        raise SystemExit(f"the METS is wrong after all that: {faults}")
    name = f"{pages:,} pages × {STEPS} steps"
    limit = TARGET_NOTHING if pages == 1000 else None
    return [
        _figure(f"{name}, fresh", first),
        _figure(f"{name}, nothing has changed", nothing, limit),
        _figure(f"{name}, images touched", touched),
        _figure(f"{name}, the last step has", last),
        _figure(f"{name}, the second step has", second),
    ]


def _figure(what: str, again: Again, limit: float | None = None) -> Figure:
    measured = f"{again.seconds:.2f} s for {again.jobs:,} jobs, of it {again.submit:.3f} s to submit"
    target = "" if limit is None else f"≤ {limit:g} s"
    return Figure(what, measured, target, None if limit is None else again.seconds <= limit)


def _run(connection: Connection, events: Events, book: Book, text: str, *, jobs: int) -> Again:
    begin = time.perf_counter()
    submitted = connection.submit(book.mets, text)
    state = events.wait_for_end(submitted.run_id)
    seconds = time.perf_counter() - begin
    summary = connection.ask("GET", f"/workflow/job/{submitted.run_id}/summary")
    if state != "SUCCESS" or summary["jobs"] != jobs:
        raise SystemExit(f"a run once more ended {state} with {summary['jobs']} jobs, not {jobs}")
    return Again(submitted.seconds, seconds, jobs)


def _touch(book: Book) -> None:
    """Every image is a new file with the old content."""
    for image in (book.directory / "OCR-D-IMG").iterdir():
        copy = image.with_suffix(".copy")
        copy.write_bytes(image.read_bytes())
        copy.replace(image)
