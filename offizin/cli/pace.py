"""How fast something goes and how long it will take: from counts seen now and then. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

# What is looked back upon: at least so many seconds and so many things, so that slow and fast ones both get a rate.
WINDOW = 30.0
THINGS = 20


@dataclass(slots=True)
class Pace:
    """Tell it ``seen(at, over)`` whenever something is known: a time in seconds, and how many things are over."""

    _seen: deque[tuple[float, int]] = field(default_factory=deque)

    def seen(self, at: float, over: int) -> None:
        self._seen.append((at, over))
        while len(self._seen) > 2:
            second_at, second_over = self._seen[1]
            if at - second_at < WINDOW or over - second_over < THINGS:
                return
            self._seen.popleft()

    @property
    def rate(self) -> float | None:
        """Things per second, None as long as nothing was over."""
        if len(self._seen) < 2:
            return None
        (first_at, first), (last_at, last) = self._seen[0], self._seen[-1]
        return (last - first) / (last_at - first_at) if last > first and last_at > first_at else None

    def time_left(self, things: int) -> float | None:
        """Seconds until so many are over, None when nobody can know."""
        rate = self.rate
        if not self._seen or rate is None:
            return None
        return max(0, things - self._seen[-1][1]) / rate
