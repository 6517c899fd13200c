"""Cases are tried, counted, and what fails or is slow is kept."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.fuzz.mutations import cases
from tests.fuzz.targets import Target

# Seconds of the process's own time for one case of at most 100 kB.
SLOW = 5.0


@dataclass
class Tried:
    """``faults``: what was raised, or that it was slow, with its case."""

    target: str
    cases: int = 0
    accepted: int = 0
    slowest: float = 0.0
    faults: list[tuple[str, bytes]] = field(default_factory=list)


def try_target(target: Target, seed: int, go_on: Callable[[int], bool]) -> Tried:
    """As long as ``go_on``, given how many cases were tried, says so. The examples themselves come first."""
    tried = Tried(target.name)
    made = cases(target.seeds, target.words, seed)
    for example in target.seeds:
        _try_one(target, example, tried)
    while go_on(tried.cases):
        _try_one(target, next(made), tried)
    return tried


def _try_one(target: Target, case: bytes, tried: Tried) -> None:
    began = time.process_time()
    try:
        tried.accepted += target.take(case)
    except Exception:
        tried.faults.append((traceback.format_exc(limit=-4), case))
    seconds = time.process_time() - began
    if seconds > SLOW:
        tried.faults.append((f"it took {seconds:.1f} s", case))
    tried.slowest = max(tried.slowest, seconds)
    tried.cases += 1


def table(results: Sequence[Tried]) -> list[str]:
    """Markdown. The slowest is the time of the process for one case."""
    lines = ["| what | cases tried | accepted | failures | slowest |", "| --- | --- | --- | --- | --- |"]
    for each in results:
        accepted, slowest = f"{each.accepted / max(1, each.cases):.0%}", f"{each.slowest * 1000:.0f} ms"
        lines.append(f"| {each.target} | {each.cases:,} | {accepted} | {len(each.faults)} | {slowest} |")
    return lines
