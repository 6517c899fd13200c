"""Under which conditions is measured: handed to every measurement."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.figures import ReferenceFigures
from offizin import __version__


@dataclass(frozen=True)
class Conditions:
    """``directory``: where books and homes are made. ``quick``: fewer repetitions, no big sizes."""

    directory: Path
    quick: bool = False
    reference_bin: Path | None = None
    reference_start: Path | None = None
    reference_pages: int = 100
    reference: ReferenceFigures = field(default_factory=ReferenceFigures)

    def moved_to(self, directory: Path) -> Conditions:
        return replace(self, directory=directory)

    def new_directory(self, name: str) -> Path:
        """One that does not exist yet."""
        number = 0
        while (found := self.directory / f"{name}-{number}").exists():
            number += 1
        return found


def machine(quick: bool) -> str:
    """One line on what was measured, where and when."""
    try:
        ocrd = f"ocrd {version('ocrd')}"
    except PackageNotFoundError:
        ocrd = "no ocrd"
    load = os.getloadavg()[1]
    return (
        f"{time.strftime('%Y-%m-%d %H:%M')}, {len(os.sched_getaffinity(0))} cores ({_processor_name()}), "
        f"load {load:.1f} before the start, Python {platform.python_version()}, {ocrd}, Offizin {__version__}"
        + (", quick" if quick else "")
    )


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
