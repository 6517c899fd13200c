"""What workers say of themselves, heard in the order they said it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import msgspec

from offizin.background import Background
from offizin.brokers.broker import Kind, Message
from offizin.clock import Clock
from offizin.errors import Unavailable
from offizin.messages import Claim, Goodbye, Heartbeat, Mark, Tick
from offizin.scheduling.dispatched import Dispatched
from offizin.scheduling.remote.claims import Claims
from offizin.scheduling.remote.inheritance import Inheritance
from offizin.scheduling.remote.losses import Losses
from offizin.scheduling.remote.rescue import Rescue
from offizin.scheduling.remote.sessions import Sessions
from offizin.store import holders
from offizin.store.transaction import Database

log = logging.getLogger(__name__)

# How long what is being written may take when the server ends, in seconds.
PATIENCE = 5.0

# A worker ends its work when its lease is over; only so much later (of the lease) it is given to others.
MARGIN = 0.2


class Hearing:
    """``lease`` in seconds; ``arrived`` is called with the processors of a worker that is heard for the first time."""

    def __init__(
        self,
        database: Database,
        sessions: Sessions,
        claims: Claims,
        losses: Losses,
        inheritance: Inheritance,
        rescue: Rescue,
        clock: Clock,
        lease: float,
        *,
        arrived: Callable[[set[str]], None],
    ) -> None:
        self._database = database
        self._sessions = sessions
        self._claims = claims
        self._losses = losses
        self._inheritance = inheritance
        self._rescue = rescue
        self._clock = clock
        self._lease = lease
        self._arrived = arrived
        self._looking: asyncio.Task[None] | None = None
        self._background = Background()

    def heard(self, message: Message) -> None:
        """Raises msgspec.DecodeError."""
        match message.kind:
            case Kind.HEARTBEAT:
                beat = msgspec.json.decode(message.body, type=Heartbeat)
                if self._sessions.heard(beat):
                    log.info("session %s of %s (pid %d) is there", beat.session, beat.host, beat.pid)
                    self._background.spawn(self._remember(beat))
                    self._arrived(set(beat.processors))
            case Kind.CLAIM:
                self._claims.claimed(msgspec.json.decode(message.body, type=Claim))
            case Kind.GOODBYE:
                self._leave(msgspec.json.decode(message.body, type=Goodbye).session, crashed=False)
            case Kind.MARK:
                self._inheritance.marked(msgspec.json.decode(message.body, type=Mark))
            case Kind.TICK:
                self._tick(msgspec.json.decode(message.body, type=Tick))

    def takes(self, piece: Dispatched, session: str) -> bool:
        """A worker says that it has taken this over; whether that holds."""
        if session not in self._sessions.living:
            if piece.holder is None:  # and its broker has forgotten it
                self._background.spawn(self._losses.lost([piece], crashed=True))
            return False
        if piece.holder not in (None, session):
            return False
        piece.holder = session
        return True

    async def stop(self) -> None:
        """What cannot be written now, the next start finds out."""
        if self._looking is not None:
            self._looking.cancel()
        await self._background.cancel(PATIENCE)

    async def _remember(self, beat: Heartbeat) -> None:
        """So that the next start waits for it."""
        now = self._clock.now()
        await self._database.write(
            lambda tx: holders.add_session(tx, beat.session, beat.host, beat.pid, beat.processors, now)
        )

    def _tick(self, tick: Tick) -> None:
        if tick.generation >> 20 != self._sessions.generation >> 20:
            return  # of an earlier start: its clock says nothing
        for session in self._sessions.silent_since(tick.at - self._lease * (1 + MARGIN)):
            log.error("session %s of %s (pid %d) is silent: taken for lost", session.id, session.host, session.pid)
            self._leave(session.id, crashed=True)
        self._sessions.ask_again()
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(tick.at), name="rescue")

    async def _look(self, at: float) -> None:
        """For what ought not to be, but may: a server that has started again, pieces that nobody has."""
        try:
            if self._database.shared:
                await self._inheritance.look()
            await self._rescue.look(at)
        except Unavailable as error:
            log.warning("what may be lost is not looked for now: %s", error)

    def _leave(self, session: str, *, crashed: bool) -> None:
        if (found := self._sessions.gone(session)) is not None:
            if not crashed:
                log.info("session %s of %s (pid %d) has ended", session, found.host, found.pid)
            self._background.spawn(self._losses.session_over(session, crashed=crashed))
