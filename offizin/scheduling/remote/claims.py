"""Claims: whether a worker may begin with what may have been given to another one before.

Granted only when every living session has been heard after the claim came, and nobody has that attempt. What a worker
receives unasked after it was heard is of an older generation for it, so it has to claim that, too.
"""

from __future__ import annotations

import asyncio
import logging

from offizin.clock import Clock
from offizin.errors import Unavailable
from offizin.faults import reach
from offizin.messages import AttemptName, Claim, Claimed
from offizin.scheduling.dispatch import Dispatcher
from offizin.scheduling.dispatched import Dispatched
from offizin.scheduling.remote.orders import Orders
from offizin.scheduling.remote.sessions import Sessions
from offizin.store import holders
from offizin.store.transaction import Database

log = logging.getLogger(__name__)

# Before another try when the database cannot be used, in seconds.
PAUSE = 1.0


class Claims:
    def __init__(
        self, database: Database, dispatcher: Dispatcher, sessions: Sessions, orders: Orders, clock: Clock
    ) -> None:
        self._database = database
        self._dispatcher = dispatcher
        self._sessions = sessions
        self._orders = orders
        self._clock = clock
        self._waiting: list[Claim] = []
        self._task: asyncio.Task[None] | None = None

    def claimed(self, claim: Claim) -> None:
        self._waiting.append(claim)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._decide_all(), name="claims")

    async def stop(self) -> None:
        """What was not answered is asked again."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _decide_all(self) -> None:
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            await self._sessions.hear_all()
            for claim in waiting:
                while True:
                    try:
                        await self._decide(claim)
                        break
                    except Unavailable as error:
                        log.error("claims cannot be answered now: %s", error)
                        await self._clock.sleep(PAUSE)

    async def _decide(self, claim: Claim) -> None:
        if claim.session not in self._sessions.living:
            return
        granted = [(name, piece) for name in claim.attempts if (piece := self._granted(name, claim.session))]
        for _, piece in granted:
            piece.holder = claim.session  # before it is written: should the worker die meanwhile, it has lost this, too
        if granted:
            holds = [piece.held_by(claim.session) for _, piece in granted]
            await self._database.write(lambda tx: holders.hold(tx, holds), synced=True)
            reach("claim: granted")
        names = [name for name, _ in granted]
        refused = [name for name in claim.attempts if name not in names]
        log.info("session %s may begin with %d pieces, and not with %d", claim.session, len(names), len(refused))
        self._orders.give(claim.session, Claimed(names, refused, claim.number))

    def _granted(self, name: AttemptName, session: str) -> Dispatched | None:
        piece = self._dispatcher.piece(name)
        if piece is None or piece.ending or piece.lost:
            return None
        # A holder that is dead counts, too: what it had waits again, as another attempt.
        return piece if (piece.holder or self._sessions.holder(name)) in (None, session) else None
