"""Where a job's time goes: seconds and counts of each part, so that the next gain is visible."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Timings:
    seconds: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def measure(self, part: str, count: int = 1) -> Iterator[None]:
        """Add the wall time of the block to ``part``, as the time of ``count`` things."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add(part, time.perf_counter() - start, count)

    def add(self, part: str, seconds: float, count: int = 1) -> None:
        self.seconds[part] = self.seconds.get(part, 0.0) + seconds
        self.counts[part] = self.counts.get(part, 0) + count

    def table(self) -> list[tuple[str, int, float]]:
        """``(part, count, seconds)`` in the order the parts were first seen."""
        return [(part, self.counts[part], seconds) for part, seconds in self.seconds.items()]
