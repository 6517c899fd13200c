"""How much work lies in the broker, and whose turn it is. Pure.

Fairness is virtual time: each job gets a *tag* when it is submitted (or retried, or given another priority), the
processor's virtual time then plus its place among the run's pages for that processor. Jobs leave by priority, then tag,
so runs that wait for one processor take turns, page by page, from the moment the later one came, however long the
earlier one is. The virtual time of a processor is the highest tag that has left, for each priority by itself: what was
urgent and is through must not put those that come later behind those that waited.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from offizin.store.jobs import ReadyJob
from offizin.store.pieces import ReadyPiece

# Work that waits in the broker, in seconds of one slot, and its bounds in pieces.
AHEAD = 0.05
MOST_AHEAD = 32

Ready = TypeVar("Ready", ReadyJob, ReadyPiece)


def window_size(slots: int, seconds: float | None) -> int:
    """How many pieces of a processor may be in flight: those in the runners' hands, and a few more to follow.

    ``seconds`` is the measured time of a piece, None before the first.
    """
    in_hand = 1 if seconds is None else max(1, min(MOST_AHEAD, round(AHEAD / max(seconds, 1e-4))))
    return slots * (in_hand + max(1, in_hand // 4))


class VirtualTimes:
    """How far the fair order of each processor and priority has come. Written and read by the database's one writer."""

    def __init__(self) -> None:
        self._times: dict[tuple[str, int], int] = {}

    def set(self, times: Mapping[tuple[str, int], int]) -> None:
        """``times`` by processor and priority, as an earlier server left them."""
        self._times = dict(times)

    def now(self, processor: str, priority: int) -> int:
        """What is submitted now comes behind this."""
        return self._times.get((processor, priority), 0)

    def leaves(self, ready: ReadyJob | ReadyPiece) -> None:
        key = (ready.processor, ready.priority)
        self._times[key] = max(self._times.get(key, 0), ready.tag)


def tag(virtual_time: int, place: int) -> int:
    """The tag of a job with ``place`` pages of its run before it, submitted at this virtual time of its processor."""
    return virtual_time + 1 + place


def whose_turn(jobs: Sequence[ReadyJob], pieces: Sequence[ReadyPiece], room: int) -> list[ReadyJob | ReadyPiece]:
    """The next ``room`` of both, each sequence being in order already."""
    both: list[ReadyJob | ReadyPiece] = [*jobs, *pieces]
    both.sort(key=lambda ready: (-ready.priority, ready.tag, ready.seq))
    return both[:room]


def cuts(pages: int, slots: int) -> list[list[int]]:
    """Page numbers of the pieces of a job whose pages are independent.

    Four pieces for each slot even out slow pages; no piece is so long that its loss hurts.
    """
    size = max(1, min(50, -(-pages // (4 * slots))))
    return [list(range(start, min(start + size, pages))) for start in range(0, pages, size)]
