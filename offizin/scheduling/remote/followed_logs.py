"""Logs that somebody reads while their jobs run: the workers that have the jobs are told to send what they write."""

from __future__ import annotations

from offizin.clock import Clock
from offizin.messages import AttemptName, Follow
from offizin.scheduling.dispatch import Dispatcher
from offizin.scheduling.remote.orders import Orders
from offizin.scheduling.remote.sessions import Sessions

# An order holds so long, and is given again as long as somebody reads, in seconds: nobody need take it back.
HOLDS = 6.0
AGAIN_AFTER = 2.0


class FollowedLogs:
    def __init__(self, dispatcher: Dispatcher, sessions: Sessions, orders: Orders, clock: Clock) -> None:
        self._dispatcher = dispatcher
        self._sessions = sessions
        self._orders = orders
        self._clock = clock
        self._ordered: dict[tuple[str, str], float] = {}  # (job, session): when

    def read(self, job: str) -> None:
        """Somebody reads this log now. To be called again and again."""
        now = self._clock.monotonic()
        self._ordered = {key: at for key, at in self._ordered.items() if now - at < AGAIN_AFTER}
        for session in self._holders(job):
            if (job, session) not in self._ordered:
                self._ordered[job, session] = now
                self._orders.give(session, Follow(job, HOLDS))

    def _holders(self, job: str) -> set[str]:
        out = [piece for piece in self._dispatcher.out.values() if piece.id == job]
        found = {piece.holder or self._sessions.holder(AttemptName(job, piece.attempt, piece.piece)) for piece in out}
        return {session for session in found if session is not None and session in self._sessions.living}
