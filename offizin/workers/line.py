"""What waits for each processor on a worker, and the slots that it has."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from offizin.brokers.broker import Subscription
from offizin.workers.membership import Held
from offizin.workers.slot import Slot

# How much work may lie in a runner's hands, in seconds, and in pieces.
IN_HAND = 0.05
MOST_IN_HAND = 32


@dataclass(slots=True)
class Line:
    processor: str
    limit: int
    waiting: deque[Held] = field(default_factory=deque)
    slots: list[Slot] = field(default_factory=list)
    loading: int = 0
    seconds: float | None = None  # measured, for a piece
    turn_at: float = 0.0
    subscription: Subscription | None = None
    resting: bool = False  # nothing of it begins now

    @property
    def in_hand(self) -> int:
        """How many pieces a runner of this processor may hold: about 50 ms of work, but one of unknown length."""
        if self.seconds is None:
            return 1
        return max(1, min(MOST_IN_HAND, round(IN_HAND / max(self.seconds, 1e-4))))

    def measured(self, seconds: float, pieces: int) -> None:
        each = seconds / pieces
        self.seconds = each if self.seconds is None else 0.7 * self.seconds + 0.3 * each

    @property
    def idle(self) -> Slot | None:
        """A loaded runner with nothing to do."""
        return next((slot for slot in self.slots if not slot.busy and not slot.ending), None)

    @property
    def wants_a_core(self) -> bool:
        """Whether something waits here that a core more would begin with, or load a runner for."""
        if self.resting or not self.waiting or self.active >= self.limit:
            return False
        return self.idle is not None or self.loading < len(self.waiting)

    @property
    def wants_to_be_alone(self) -> bool:
        return bool(self.waiting) and not self.resting and self.waiting[0].ticket.alone

    @property
    def active(self) -> int:
        return self.loading + sum(slot.busy for slot in self.slots)

    def held(self) -> list[Held]:
        """All that is here, begun or not, but for what the broker gives to somebody else meanwhile."""
        self.drop_gone()
        return [*self.waiting, *(held for slot in self.slots for held in slot.held)]

    def drop_gone(self) -> None:
        if any(held.gone for held in self.waiting):
            self.waiting = deque(held for held in self.waiting if not held.gone)


class Lines:
    """Those of all processors that a worker takes pieces for, in the order in which it began to."""

    def __init__(self) -> None:
        self._by_processor: dict[str, Line] = {}

    def __iter__(self) -> Iterator[Line]:
        """Lines may be added meanwhile."""
        return iter(list(self._by_processor.values()))

    def __getitem__(self, processor: str) -> Line:
        return self._by_processor[processor]

    def __contains__(self, processor: str) -> bool:
        return processor in self._by_processor

    def add(self, line: Line) -> None:
        self._by_processor[line.processor] = line

    def remove(self, processor: str) -> None:
        del self._by_processor[processor]

    @property
    def slots(self) -> list[Slot]:
        return [slot for line in self for slot in line.slots]

    @property
    def active(self) -> int:
        """How many cores are in use."""
        return sum(line.active for line in self)
