"""Workers anywhere: what of them is wired together, and what they say of themselves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine

import msgspec

from offizin.brokers.broker import Broker, Kind, Message, results_of
from offizin.clock import Clock
from offizin.errors import Unavailable
from offizin.messages import Claim, End, Goodbye, Heartbeat, Load, Mark, Pause, Tick, encode
from offizin.scheduling.dispatched import Dispatched
from offizin.scheduling.remote.adoption import Adoption
from offizin.scheduling.remote.claims import Claims
from offizin.scheduling.remote.followed_logs import FollowedLogs
from offizin.scheduling.remote.inheritance import Inheritance
from offizin.scheduling.remote.losses import Losses
from offizin.scheduling.remote.orders import Orders
from offizin.scheduling.remote.reception import Reception
from offizin.scheduling.remote.registered import RegisteredProcessors
from offizin.scheduling.remote.rescue import Rescue
from offizin.scheduling.remote.sessions import Sessions
from offizin.scheduling.sending import Sender
from offizin.scheduling.workforce import LeftBehind, Scheduler, WorkerSeen
from offizin.store import holders
from offizin.store.servers import ServerIdentity
from offizin.store.transaction import Database

log = logging.getLogger(__name__)

# How long what is being written may take when the server ends, in seconds.
PATIENCE = 5.0

# A worker ends its work when its lease is over; only so much later (of the lease) it is given to others.
MARGIN = 0.2


class RemoteWorkforce:
    """What the scheduler asks of workers, and what they say of themselves (``heard``). Use ``await_them``.

    ``lease`` in seconds.
    """

    def __init__(self, server: ServerIdentity, database: Database, clock: Clock, lease: float) -> None:
        self.broker: Broker
        self.orders = Orders(server.name)
        self.sessions = Sessions(server.name, server.incarnation, clock, self.orders.give)
        self.sender = Sender(server.name, lambda: self.sessions.generation)
        self.processors = RegisteredProcessors(database, self.sessions)
        self._server = server
        self._database = database
        self._clock = clock
        self._lease = lease
        self._wake: Callable[[set[str]], None] = lambda _: None
        self._claims: Claims | None = None
        self._followed: FollowedLogs | None = None
        self._losses: Losses | None = None
        self._adoption: Adoption | None = None
        self._inheritance: Inheritance | None = None
        self._rescue: Rescue | None = None
        self._reception: Reception | None = None
        self._ticks: Ticks | None = None
        self._looking: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    async def await_them(
        cls,
        server: ServerIdentity,
        database: Database,
        clock: Clock,
        lease: float,
        connect: Callable[[Callable[[], None]], Awaitable[Broker]],
    ) -> RemoteWorkforce:
        """``connect`` is given what to call when the broker was lost and is there again. Raises Unavailable."""
        workforce = cls(server, database, clock, lease)
        workforce.broker = workforce.orders.broker = await connect(workforce._reconnected)
        return workforce

    async def attend(self, scheduler: Scheduler) -> None:
        """Take up what is in flight, and listen. Who has what is found out once the workers have been heard."""
        database, dispatcher, clock = self._database, scheduler.dispatcher, self._clock
        self._wake = dispatcher.wake
        self._claims = Claims(database, dispatcher, self.sessions, self.orders, clock)
        self._followed = FollowedLogs(dispatcher, self.sessions, self.orders, clock)
        self._losses = Losses(
            database, dispatcher, clock, scheduler.limits, scheduler.tallies,
            run_over=scheduler.run_over, changed=scheduler.changed,
        )  # fmt: skip
        self._inheritance = Inheritance(self._server, database, self.broker, self.sessions, clock, scheduler.listen)
        self._adoption = Adoption(
            database, dispatcher, scheduler.sending, scheduler.lanes, scheduler.contexts, self.sessions, self._losses,
            clock, scheduler.limits, self._inheritance.drained,
        )  # fmt: skip
        self._rescue = Rescue(self.broker, dispatcher, scheduler.sending, self.sessions, self._losses, self._lease)
        await self._inheritance.look()
        for row in await database.read(holders.all_sessions):
            self.sessions.expect(row.id, row.host, row.pid, row.processors)
        if adopted := await self._adoption.adopt(self._server.seq):
            log.warning("%d pieces are under way since before this start", adopted)
            self._adoption.settle()
        heartbeat = self._lease / 5
        self._reception = Reception(
            self.broker, database, self.sessions, self.orders, clock,
            lease=self._lease, heartbeat=heartbeat, arrived=self._arrived,
        )  # fmt: skip
        self._ticks = Ticks(self.broker, self.sessions, clock, heartbeat)
        await self._reception.start()
        await self._ticks.start()

    async def inherit(self, scheduler: Scheduler, left: LeftBehind) -> None:
        """Workers go on with what they have; who has what is found out."""
        assert self._adoption is not None
        assert self._inheritance is not None
        await self._inheritance.look()
        for row in await self._database.read(holders.all_sessions):
            self.sessions.expect(row.id, row.host, row.pid, row.processors)
        adopted = await self._adoption.adopt(self._server.seq, left)
        log.warning("%d pieces are under way that server %s had sent", adopted, left.server)
        # What is sent again may lie in a queue already.
        self.sessions.next_generation()
        self._adoption.settle()

    def renew(self, lease: float) -> None:
        """Workers have leases of their own."""

    async def abandon(self) -> None:
        """Workers go on, and speak with the other server."""

    async def stop(self) -> None:
        """Workers go on with what they have; their results wait for the next start."""
        for part in (self._reception, self._ticks, self._adoption, self._claims, self._inheritance):
            if part is not None:
                await part.stop()

    async def leave(self, scheduler: Scheduler) -> None:
        if self._looking is not None:
            self._looking.cancel()
        if self._tasks:
            # What cannot be written now, the next start finds out.
            _, late = await asyncio.wait(self._tasks, timeout=PATIENCE)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self.orders.stop()

    # Workforce

    def slots(self, processor: str) -> int:
        return self.sessions.slots(processor)

    async def serve(self, processor: str) -> None:
        """Workers listen by themselves."""

    def learn(self, processor: str) -> None:
        for session in self.sessions.serving(processor)[:1]:
            self.orders.give(session.id, Load(processor))

    def cancel(self, job: str) -> None:
        for session in self.sessions.living:
            self.orders.give(session, End(job))

    def pause(self, processors: Collection[str], hosts: Collection[str]) -> None:
        """Workers are told again and again, until they say that it is so."""
        self.sessions.paused_processors, self.sessions.paused_hosts = frozenset(processors), frozenset(hosts)
        for session in self.sessions.at_odds():
            self.orders.give(session.id, Pause(session.host in hosts))

    def workers(self) -> list[WorkerSeen]:
        now, monotonic = self._clock.now(), self._clock.monotonic()
        return [
            WorkerSeen(s.id, s.host, s.pid, s.processors, now - (monotonic - s.heard_at), s.paused, s.held)
            for s in self.sessions.living.values()
        ]

    def follow_log(self, job: str) -> None:
        if self._followed is not None:
            self._followed.read(job)

    def fingerprint(self, processor: str) -> str:
        """What was learned is good until its workers say something else."""
        return "worker"

    def loaded(self) -> list[tuple[str, int, bool]]:
        return []

    def takes(self, piece: Dispatched, session: str) -> bool:
        """A worker says that it has taken this over; whether that holds."""
        if session not in self.sessions.living:
            if piece.holder is None:  # and its broker has forgotten it
                self._spawn(self._lost([piece]))
            return False
        if piece.holder not in (None, session):
            return False
        piece.holder = session
        return True

    async def _lost(self, pieces: list[Dispatched]) -> None:
        assert self._losses is not None
        await self._losses.lost(pieces, crashed=True)

    # What is heard

    def heard(self, message: Message) -> None:
        """Raises msgspec.DecodeError."""
        assert self._claims is not None
        match message.kind:
            case Kind.HEARTBEAT:
                beat = msgspec.json.decode(message.body, type=Heartbeat)
                if self.sessions.heard(beat):
                    log.info("session %s of %s (pid %d) is there", beat.session, beat.host, beat.pid)
                    self._spawn(self._remember(beat))
                    self._arrived(set(beat.processors))
            case Kind.CLAIM:
                self._claims.claimed(msgspec.json.decode(message.body, type=Claim))
            case Kind.GOODBYE:
                self._leave(msgspec.json.decode(message.body, type=Goodbye).session, crashed=False)
            case Kind.MARK if self._inheritance is not None:
                self._inheritance.marked(msgspec.json.decode(message.body, type=Mark))
            case Kind.TICK:
                self._tick(msgspec.json.decode(message.body, type=Tick))

    def _reconnected(self) -> None:
        """The broker was lost and is there again, perhaps empty."""
        self.sessions.renew_all()
        self.sessions.next_generation()
        if self._adoption is not None:
            self._adoption.settle()

    def _arrived(self, processors: set[str]) -> None:
        self._wake(processors)

    async def _remember(self, beat: Heartbeat) -> None:
        """So that the next start waits for it."""
        now = self._clock.now()
        await self._database.write(
            lambda tx: holders.add_session(tx, beat.session, beat.host, beat.pid, beat.processors, now)
        )

    def _tick(self, tick: Tick) -> None:
        if tick.generation >> 20 != self.sessions.generation >> 20:
            return  # of an earlier start: its clock says nothing
        for session in self.sessions.silent_since(tick.at - self._lease * (1 + MARGIN)):
            log.error("session %s of %s (pid %d) is silent: taken for lost", session.id, session.host, session.pid)
            self._leave(session.id, crashed=True)
        self.sessions.ask_again()
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(tick.at), name="rescue")

    async def _look(self, at: float) -> None:
        """For what ought not to be, but may: a server that has started again, pieces that nobody has."""
        assert self._rescue is not None
        assert self._inheritance is not None
        try:
            if self._database.shared:
                await self._inheritance.look()
            await self._rescue.look(at)
        except Unavailable as error:
            log.warning("what may be lost is not looked for now: %s", error)

    def _leave(self, session: str, *, crashed: bool) -> None:
        assert self._losses is not None
        if (found := self.sessions.gone(session)) is not None:
            if not crashed:
                log.info("session %s of %s (pid %d) has ended", session, found.host, found.pid)
            self._spawn(self._losses.session_over(session, crashed=crashed))

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class Ticks:
    """Tells ourselves through our own queue how late it is: whoever has not been heard before that has been silent."""

    def __init__(self, broker: Broker, sessions: Sessions, clock: Clock, every: float) -> None:
        self._broker = broker
        self._sessions = sessions
        self._clock = clock
        self._every = every
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="ticks")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        queue = results_of(self._sessions.server)
        while True:
            tick = Tick(self._sessions.generation, self._clock.monotonic())
            try:
                await self._broker.publish(queue, [Message(Kind.TICK, encode(tick))])
            except Unavailable as error:
                log.warning("silence of workers is not looked after now: %s", error)
            await self._clock.sleep(self._every)
