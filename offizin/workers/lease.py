"""How long a worker may go on without being heard. Pure but for the clock."""

from __future__ import annotations

from offizin.clock import Clock


class Lease:
    """Runs from the moment at which the last heartbeat that the broker confirmed was *sent*: whoever waits for it hears
    it later, and so never gives our work to others too soon."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until = 0.0

    def renewed(self, sent_at: float, seconds: float) -> None:
        """A heartbeat that was sent then (on the monotonic clock) has been confirmed. One that is over stays so."""
        if self._until == 0.0 or self.left > 0:
            self._until = max(self._until, sent_at + seconds)

    @property
    def left(self) -> float:
        """Seconds; none before the first heartbeat, nor after the end."""
        return max(0.0, self._until - self._clock.monotonic())

    @property
    def is_over(self) -> bool:
        return self._until > 0.0 and self.left == 0.0
