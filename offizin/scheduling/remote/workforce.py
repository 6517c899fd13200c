"""Workers anywhere, as the scheduler sees them: the parts that know of them, wired together."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection

from offizin.brokers.broker import Broker, Message
from offizin.clock import Clock
from offizin.messages import End, Load, Pause
from offizin.scheduling.dispatched import Dispatched
from offizin.scheduling.remote.adoption import Adoption
from offizin.scheduling.remote.claims import Claims
from offizin.scheduling.remote.followed_logs import FollowedLogs
from offizin.scheduling.remote.hearing import Hearing
from offizin.scheduling.remote.inheritance import Inheritance
from offizin.scheduling.remote.losses import Losses
from offizin.scheduling.remote.orders import Orders
from offizin.scheduling.remote.reception import Reception
from offizin.scheduling.remote.registered import RegisteredProcessors
from offizin.scheduling.remote.rescue import Rescue
from offizin.scheduling.remote.sessions import Sessions
from offizin.scheduling.remote.ticks import Ticks
from offizin.scheduling.sending import Sender
from offizin.scheduling.workforce import LeftBehind, Scheduler, WorkerSeen
from offizin.store import holders
from offizin.store.servers import ServerIdentity
from offizin.store.transaction import Database

log = logging.getLogger(__name__)


class RemoteWorkforce:
    """What the scheduler asks of workers. Use ``await_them``.

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
        self._adoption: Adoption | None = None
        self._inheritance: Inheritance | None = None
        self._hearing: Hearing | None = None
        self._reception: Reception | None = None
        self._ticks: Ticks | None = None

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
        losses = Losses(
            database, dispatcher, clock, scheduler.limits, scheduler.tallies,
            run_over=scheduler.run_over, changed=scheduler.changed,
        )  # fmt: skip
        self._inheritance = Inheritance(self._server, database, self.broker, self.sessions, clock, scheduler.listen)
        self._adoption = Adoption(
            database, dispatcher, scheduler.sending, scheduler.lanes, scheduler.contexts, self.sessions, losses,
            clock, scheduler.limits, self._inheritance.drained,
        )  # fmt: skip
        rescue = Rescue(self.broker, dispatcher, scheduler.sending, self.sessions, losses, self._lease)
        self._hearing = Hearing(
            database, self.sessions, self._claims, losses, self._inheritance, rescue, clock, self._lease,
            arrived=self._arrived,
        )  # fmt: skip
        await self._inheritance.look()
        await self._expect_workers()
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
        await self._expect_workers()
        adopted = await self._adoption.adopt(self._server.seq, left)
        log.warning("%d pieces are under way that server %s had sent", adopted, left.server)
        # What is sent again may lie in a queue already.
        self.sessions.next_generation()
        self._adoption.settle()

    async def _expect_workers(self) -> None:
        """Those that any server has welcomed."""
        for row in await self._database.read(holders.all_sessions):
            self.sessions.expect(row.id, row.host, row.pid, row.processors)

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
        if self._hearing is not None:
            await self._hearing.stop()
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

    def pause(
        self, processors: Collection[str], hosts: Collection[str], places: Collection[tuple[str, str]] = ()
    ) -> None:
        """Workers are told again and again, until they say that it is so."""
        self.sessions.paused_processors, self.sessions.paused_hosts = frozenset(processors), frozenset(hosts)
        self.sessions.paused_places = frozenset(places)
        for session in self.sessions.at_odds():
            paused, without = self.sessions.wanted(session.host)
            self.orders.give(session.id, Pause(paused, sorted(without)))

    def workers(self) -> list[WorkerSeen]:
        now, monotonic = self._clock.now(), self._clock.monotonic()
        return [
            WorkerSeen(
                s.id, s.host, s.pid, s.processors, now - (monotonic - s.heard_at), s.paused, s.held, s.paused_processors
            )
            for s in self.sessions.living.values()
        ]

    def host_of(self, session: str) -> str:
        return self.sessions.hosts.get(session, "")

    def follow_log(self, job: str) -> None:
        if self._followed is not None:
            self._followed.read(job)

    def fingerprint(self, processor: str) -> str:
        """What was learned is good until its workers say something else."""
        return "worker"

    def loaded(self) -> list[tuple[str, int, bool]]:
        return []

    def takes(self, piece: Dispatched, session: str) -> bool:
        assert self._hearing is not None
        return self._hearing.takes(piece, session)

    def heard(self, message: Message) -> None:
        assert self._hearing is not None
        self._hearing.heard(message)

    def _reconnected(self) -> None:
        """The broker was lost and is there again, perhaps empty."""
        self.sessions.renew_all()
        self.sessions.next_generation()
        if self._adoption is not None:
            self._adoption.settle()

    def _arrived(self, processors: set[str]) -> None:
        self._wake(processors)
