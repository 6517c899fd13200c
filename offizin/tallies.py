"""What this process has done since it started, in plain numbers: counting costs next to nothing where it happens, and
is put into the form that others read when somebody asks (``offizin.metrics``)."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

# Upper ends of the buckets that durations are sorted into, in seconds.
BUCKETS = (0.005, 0.02, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)


@dataclass(slots=True)
class Durations:
    """``counts``: how many fell into each bucket, and into none of them."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    seconds: float = 0.0

    def add(self, seconds: float, times: int = 1) -> None:
        """``times`` things have taken ``seconds`` each."""
        self.counts[bisect_left(BUCKETS, seconds)] += times
        self.seconds += seconds * times


@dataclass(slots=True)
class Tallies:
    """``submitted``: jobs by processor; ``ended``: jobs by processor and state; ``pieces``: ends of pieces by processor
    and outcome (SUCCESS, or the cause); ``pages_failed``: by processor and cause; ``durations``: of pieces, by
    processor; ``transactions``: by kind, from asking for it to its end."""

    submitted: Counter[str] = field(default_factory=Counter)
    ended: Counter[tuple[str, str]] = field(default_factory=Counter)
    pieces: Counter[tuple[str, str]] = field(default_factory=Counter)
    pages_failed: Counter[tuple[str, str]] = field(default_factory=Counter)
    durations: dict[str, Durations] = field(default_factory=dict)
    transactions: dict[str, Durations] = field(default_factory=dict)

    def piece_ended(self, processor: str, outcome: str, seconds: float) -> None:
        self.pieces[processor, outcome] += 1
        self.pieces_took(processor, seconds, 1)

    def pieces_took(self, processor: str, seconds: float, number: int) -> None:
        """So many pieces have taken ``seconds`` each."""
        durations = self.durations.get(processor)
        if durations is None:
            durations = self.durations[processor] = Durations()
        durations.add(seconds, number)

    @contextmanager
    def transaction(self, kind: str) -> Iterator[None]:
        """One that fails counts, too."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.transactions.setdefault(kind, Durations()).add(time.perf_counter() - begin)
