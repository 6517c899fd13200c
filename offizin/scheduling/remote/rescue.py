"""Pieces that are out and that nobody has: their queue was deleted, or a result went where nobody reads. They should
never be; if they are, they wait a while and then go out again."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from offizin.brokers.broker import Broker, queue_of
from offizin.errors import Unavailable
from offizin.messages import AttemptName
from offizin.scheduling.dispatch import Dispatcher
from offizin.scheduling.dispatched import Dispatched
from offizin.scheduling.remote.losses import Losses
from offizin.scheduling.remote.sessions import Sessions, all_held
from offizin.scheduling.sending import Sending

log = logging.getLogger(__name__)

# Of the lease: how long a piece may be out of sight that a worker has said to have, and one that nobody has.
HELD = 2.0
FREE = 4.0


class Rescue:
    def __init__(
        self, broker: Broker, dispatcher: Dispatcher, sending: Sending, sessions: Sessions, losses: Losses, lease: float
    ) -> None:
        self._broker = broker
        self._dispatcher = dispatcher
        self._sending = sending
        self._sessions = sessions
        self._losses = losses
        self._lease = lease
        self._missed: dict[tuple[AttemptName, str | None], float] = {}  # and its holder: since when, by the ticks

    async def look(self, at: float) -> None:
        """Called with each tick, once all has been heard that was said before it."""
        seen = all_held(self._sessions.living.values())
        out = {(piece.name, piece.holder): piece for piece in self._dispatcher.out.values() if piece.sent}
        self._missed = {key: self._missed.get(key, at) for key in out if key[0] not in seen}
        late = [(key, at - since) for key, since in self._missed.items()]
        held = [out[key] for key, missed in late if key[1] is not None and missed > HELD * self._lease]
        free = [out[key] for key, missed in late if key[1] is None and missed > FREE * self._lease]
        living = [piece for piece in held if piece.holder in self._sessions.living and not piece.ending]
        if living:
            log.error("%d pieces are lost: whoever had them has them no more, and no result has come", len(living))
            await self._losses.lost(living, crashed=False)
        if free:
            await self._send_what_is_in_no_queue(free)

    async def _send_what_is_in_no_queue(self, pieces: Sequence[Dispatched]) -> None:
        for processor in {piece.processor for piece in pieces}:
            try:
                if await self._broker.depth(queue_of(processor)):
                    continue
            except Unavailable:
                return
            gone = [piece for piece in pieces if piece.processor == processor and piece.holder is None]
            log.error("%d pieces of %s are in no queue and with no worker; they are sent again", len(gone), processor)
            for piece in gone:
                self._missed.pop((piece.name, None), None)
            await self._sending.send_again(gone)
