"""Who is next: runs take turns."""

from __future__ import annotations

from collections import Counter

from offizin.jobs import State
from tests.simulation.rows import IN_FLIGHT, Job, JobState, require


class Fairness:
    """Runs of one priority that wait for one processor take turns. Followed are those of jobs of one page that never
    waited for anything else, and of these what leaves for the first time: all else goes before or behind for a reason.
    """

    BOUND = 2

    def __init__(self) -> None:
        self._streams: dict[
            tuple[int, str], tuple[int, bool]
        ] = {}  # run and processor: priority, whether it is followed
        self._left: Counter[tuple[int, str]] = Counter()
        self._since: dict[tuple[tuple[int, str], tuple[int, str]], tuple[int, int]] = {}

    def check(self, before: dict[int, JobState], now: dict[int, JobState], jobs: dict[int, Job]) -> None:
        waiting: set[tuple[int, str]] = set()
        for seq, row in now.items():
            stream = (row.run, jobs[seq].processor)
            priority, followed = self._streams.setdefault(stream, (row.priority, True))
            if followed and (row.many or row.open_edges or row.priority != priority):
                self._streams[stream] = (priority, False)
            if row.state is State.CACHED and row.attempt == 0:
                waiting.add(stream)
            elif row.attempt == 1 and row.state in IN_FLIGHT:
                was = before.get(seq)
                if was is None or was.attempt == 0:
                    self._left[stream] += 1
        waiting = {stream for stream in waiting if self._streams[stream][1]}
        self._since = {pair: at for pair, at in self._since.items() if waiting.issuperset(pair)}
        for (one, other), (first, second) in self._since.items():
            ahead = (self._left[one] - first) - (self._left[other] - second)
            require(abs(ahead) <= self.BOUND, f"run {one[0]} is {ahead} pages of {one[1]} ahead of run {other[0]}")
        for one in waiting:
            for other in waiting:
                if one < other and one[1] == other[1] and self._streams[one][0] == self._streams[other][0]:
                    self._since.setdefault((one, other), (self._left[one], self._left[other]))
