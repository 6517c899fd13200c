"""What the same work costs without Offizin: a processor in a bare loop, in one process, measured beside every figure.

Machines drift, and neighbours come and go: each figure has a bare loop before it and one after it, and is told as a
ratio to their mean, too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.books import SOURCE, make_book

PAGES = 100
STEPS = 3
# What the loop does by default is what Offizin is asked to do beside it.
DUMMY = "ocrd.processor.builtin.dummy_processor:DummyProcessor"

_PROCESS = Path(__file__).with_name("bare_loop_process.py")


class BareLoop(msgspec.Struct, frozen=True):
    """``steps``: seconds of each page, step by step. ``cpu``: seconds of the processor's time in all."""

    steps: list[list[float]]
    cpu: float

    @property
    def seconds(self) -> float:
        return sum(map(sum, self.steps))

    @property
    def seconds_a_job(self) -> float:
        return self.seconds / sum(map(len, self.steps))


def command(
    processor_class: str,
    executable: str,
    mets: Path,
    parameters: Mapping[str, Any],
    file_grps: Sequence[str],
    share: str = "0/1",
) -> list[str]:
    """``file_grps``: the source, then the target of each step. ``share`` 1/2: the second of every two pages."""
    given = json.dumps(parameters)
    return [sys.executable, str(_PROCESS), processor_class, executable, str(mets), given, share, *file_grps]


def run(called: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> BareLoop:
    """Run what ``command`` gives. Blocking. Its log lines go to a file, as those of a job do."""
    with log.open("ab") as output:
        # Linux may share the processor out by sessions (sched(7), autogroup). Runners have sessions of their own.
        done = subprocess.run(
            called, env=environment, check=True, stdout=subprocess.PIPE, stderr=output, start_new_session=True
        )
    return msgspec.json.decode(done.stdout, type=BareLoop)


def bare_dummy_loop(directory: Path, pages: int = PAGES, steps: int = STEPS) -> BareLoop:
    """``ocrd-dummy`` over a new book, which is made under ``directory`` and removed afterwards."""
    with tempfile.TemporaryDirectory(dir=directory) as name:
        book = make_book(Path(name) / "bare", pages)
        groups = [SOURCE, *(f"STEP-{number}" for number in range(steps))]
        called = command(DUMMY, "ocrd-dummy", book.mets, {"copy_files": False}, groups)
        # OCRD_METS_CACHING would make it another loop.
        environment = {key: value for key, value in os.environ.items() if not key.startswith("OCRD_")}
        return run(called, Path(name) / "bare.log", environment)


@dataclass(slots=True)
class Bracket:
    """Milliseconds a job of the bare loops before and after."""

    before: float
    after: float = 0.0

    @property
    def mean(self) -> float:
        return (self.before + self.after) / 2

    def __str__(self) -> str:
        return (
            f"Bare loop of `ocrd-dummy` ({PAGES} pages × {STEPS} steps, one process, whole METS): "
            f"{self.before:.2f} ms a job before, {self.after:.2f} ms after."
        )


@contextmanager
def bracket(directory: Path) -> Iterator[Bracket]:
    """A bare loop on the way in, another one on the way out."""
    found = Bracket(bare_dummy_loop(directory).seconds_a_job * 1e3)
    yield found
    found.after = bare_dummy_loop(directory).seconds_a_job * 1e3
