"""Which processor may use a core next, and what runners get in their hands."""

from __future__ import annotations

from collections.abc import Callable

from offizin.workers.line import Line, Lines

# How long a runner keeps its core while other processors wait, in seconds.
TURN = 0.05


class Turns:
    """``slots``: cores that may be used at once; ``load`` begins to load a runner for a line."""

    def __init__(self, lines: Lines, slots: int, load: Callable[[Line], None]) -> None:
        self._lines = lines
        self._slots = slots
        self._load = load

    def give(self, now: float, first: Line | None = None) -> None:
        """Give waiting pieces to runners that have room, then free cores to the processors that wait the longest.

        ``first`` comes before them: it has been waiting for a runner on a core of its own.
        """
        for line in self._lines:
            line.drop_gone()
        active = self._lines.active
        wants_to_be_alone = [line for line in self._lines if line.wants_to_be_alone]
        if any(slot.alone for slot in self._lines.slots) or (active and wants_to_be_alone):
            return
        crowded = any(line.waiting and not line.active for line in self._lines)
        for line in self._lines:
            _feed_busy(line, now, crowded)
        lines = wants_to_be_alone or list(self._lines)
        while active < (1 if wants_to_be_alone else self._slots):
            wanting = [line for line in lines if line.wants_a_core]
            if not wanting:
                return
            line = first if first in wanting else min(wanting, key=lambda line: line.turn_at)
            first = None
            line.turn_at = now
            active += 1
            if line.idle is None:
                self._load(line)
                continue
            line.idle.feed(line.waiting.popleft())
            if not wants_to_be_alone:
                _feed_busy(line, now, crowded=False)


def _feed_busy(line: Line, now: float, crowded: bool) -> None:
    """Fill the hands of busy runners, the emptiest first; one whose turn is over gets nothing if others wait."""
    busy = [
        slot for slot in line.slots if slot.busy and not slot.ending and not (crowded and now - slot.busy_since > TURN)
    ]
    while line.waiting and busy and not line.resting and not line.waiting[0].ticket.alone:
        slot = min(busy, key=lambda slot: len(slot.held))
        if len(slot.held) >= line.in_hand:
            return
        slot.feed(line.waiting.popleft())
