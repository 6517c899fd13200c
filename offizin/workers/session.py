"""A worker's session: it introduces itself, is heard again and again, takes orders, and knows when its time is over."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import msgspec

from offizin.background import Background
from offizin.brokers.broker import HELLO, Broker, Delivery, Kind, Message, Subscription, control_of, results_of
from offizin.clock import Clock
from offizin.errors import Unavailable
from offizin.messages import (
    Ask,
    AttemptName,
    Claim,
    Claimed,
    End,
    Follow,
    Goodbye,
    Heartbeat,
    Hello,
    Load,
    Pause,
    Tool,
    Welcome,
    encode,
)
from offizin.workers.lease import Lease
from offizin.workers.membership import Membership
from offizin.workers.pool import WorkerPool

log = logging.getLogger(__name__)
T = TypeVar("T")

# An introduction that nobody answers is sent again after so many seconds: no server may be there yet.
INTRODUCE_EVERY = 2.0
MOST_ORDERS = 1000
# After so many heartbeats it is sent anyway: a server that has lost everything learns of us.
INTRODUCE_AFTER = 10


class WorkerSession:
    """One session, from its introduction (``begin``) to its end: ``lost`` is set when the lease is over, and then
    everything must end at once. ``processors``: slots by name. ``id``: that of a session
    of an earlier process, which this goes on with."""

    def __init__(
        self,
        broker: Broker,
        clock: Clock,
        host: str,
        pid: int,
        processors: Mapping[str, int],
        tools: Sequence[Tool],
        id: str | None = None,
    ) -> None:
        self.id = id or clock.new_id()
        self.lost = asyncio.Event()
        self.lease = Lease(clock)
        self.membership = Membership(
            self.id, self._server_names, self._claim, self._must_claim, lambda: self.lease.left
        )
        self._broker = broker
        self._clock = clock
        self._host = host
        self._pid = pid
        self._processors = dict(processors)
        self._tools = list(tools)
        self.pool: WorkerPool | None = None
        self._generations: dict[str, int] = {}  # by server
        self._asked: dict[str, int] = {}
        self._welcome: asyncio.Future[Welcome] = asyncio.get_running_loop().create_future()
        self._subscription: Subscription | None = None
        self._due = asyncio.Event()
        self._background = Background()

    async def begin(self, pool: Callable[[Membership], WorkerPool]) -> WorkerPool:
        """Introduce ourselves until a server answers, be heard by all servers, and then serve all processors with the
        pool that is made. Raises Unavailable when the broker cannot be reached."""
        self._subscription = await self._broker.consume(control_of(self.id), MOST_ORDERS, self._receive)
        while not self._welcome.done():
            await self._introduce()
            await asyncio.wait({self._welcome}, timeout=INTRODUCE_EVERY)
            if not self._welcome.done():
                log.warning("no server has answered yet; this worker introduces itself again")
        welcome = self._welcome.result()
        self.membership.begins_paused = welcome.paused
        self.membership.begins_without = frozenset(welcome.paused_processors)
        self.pool = pool(self.membership)
        await self._heartbeat(welcome)
        self._background.spawn(self._be_heard(welcome))
        self._background.spawn(self._watch())
        for processor in self._processors:
            await self.pool.serve(processor)
        return self.pool

    async def end(self, grace: float) -> None:
        """Finish or hand back what is here, within ``grace`` seconds, and take leave."""
        if self.pool is not None:
            if self.lease.is_over:
                await self.pool.abandon()
            else:
                await self.pool.close(grace)
        await self._background.cancel()
        if self.pool is not None and not self.lease.is_over:
            await self._tell_all(Message(Kind.GOODBYE, encode(Goodbye(self.id))))
        if self._subscription is not None:
            await self._subscription.cancel()

    async def leave(self) -> None:
        """Begin nothing more, and say nothing: a later process goes on with this session before its lease is over."""
        await self._background.cancel()
        if self.pool is not None:
            await self.pool.abandon()
        if self._subscription is not None:
            await self._subscription.cancel()

    def has(self, processors: Mapping[str, int]) -> None:
        """So many slots from now on, by name."""
        self._processors = dict(processors)
        self._due.set()

    # Being heard

    async def _introduce(self) -> None:
        hello = Hello(self.id, self._host, self._pid, self._processors, self._tools)
        await self._broker.publish(HELLO, [Message(Kind.HELLO, encode(hello))])

    async def _be_heard(self, welcome: Welcome) -> None:
        for number in itertools.count(1):
            try:
                async with asyncio.timeout(welcome.heartbeat):
                    await self._due.wait()
            except TimeoutError:
                pass
            self._due.clear()
            if self.lease.is_over:
                return
            try:
                await self._heartbeat(welcome)
                if number % INTRODUCE_AFTER == 0:
                    await self._introduce()
            except Unavailable as error:
                log.warning("no server hears this worker now: %s", error)
            assert self.pool is not None
            self.pool.claim_again()

    async def _heartbeat(self, welcome: Welcome) -> None:
        """Returns when the broker has it for every server; only then the lease goes on."""
        assert self.pool is not None
        sent_at = self._clock.monotonic()
        held = self.pool.held()
        rests = (self.pool.paused, sorted(self.pool.paused_processors))
        beats = {
            server: Message(Kind.HEARTBEAT, encode(self._beat(server, held, *rests))) for server in self._generations
        }
        await asyncio.gather(*(self._broker.publish(results_of(server), [beat]) for server, beat in beats.items()))
        self.lease.renewed(sent_at, welcome.lease)
        self.pool.renew(self.lease.left)

    def _beat(self, server: str, held: list[AttemptName], paused: bool, without: list[str]) -> Heartbeat:
        generation, asked = self._generations[server], self._asked.get(server, 0)
        return Heartbeat(self.id, self._host, self._pid, self._processors, held, generation, asked, paused, without)

    async def _watch(self) -> None:
        while not self.lease.is_over:
            await self._clock.sleep(max(self.lease.left, 0.001))
        log.error("no server has heard this worker in time: everything that runs is ended")
        self.lost.set()

    # Orders

    def _receive(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            delivery.acknowledge()
            try:
                self._obey(delivery.message)
            except msgspec.DecodeError as error:
                log.error("an order cannot be read: %s", error)

    def _obey(self, message: Message) -> None:
        pool, body = self.pool, message.body
        match message.kind:
            case Kind.WELCOME:
                welcome = _read(body, Welcome)
                for server in welcome.servers:
                    self._generations[server.name] = max(server.generation, self._generations.get(server.name, 0))
                if not self._welcome.done():
                    self._welcome.set_result(welcome)
            case Kind.ASK:
                ask = _read(body, Ask)
                self._generations[ask.server] = max(ask.generation, self._generations.get(ask.server, 0))
                self._asked[ask.server] = max(ask.number, self._asked.get(ask.server, 0))
                for dead in ask.dead:
                    if self._generations.get(dead.name, dead.generation) < dead.generation:
                        del self._generations[dead.name]
                self._due.set()
            case Kind.CLAIMED if pool:
                answer = _read(body, Claimed)
                pool.claim_answered(answer)
            case Kind.END if pool:
                pool.cancel(_read(body, End).job)
            case Kind.LOAD if pool:
                pool.learn(_read(body, Load).processor)
            case Kind.FOLLOW if pool:
                follow = _read(body, Follow)
                pool.follow_log(follow.job, follow.seconds)
            case Kind.PAUSE if pool:
                self._background.spawn(self._pause(pool, _read(body, Pause)))

    async def _pause(self, pool: WorkerPool, order: Pause) -> None:
        """What was done is told at once. What could not be done is ordered again."""
        try:
            await pool.pause(order.paused, frozenset(order.processors))
        except Unavailable as error:
            log.warning("this worker cannot begin again now: %s", error)
        self._due.set()

    # What the pool asks

    def _server_names(self) -> Sequence[str]:
        return list(self._generations)

    def _must_claim(self, delivery: Delivery) -> bool:
        """Whether somebody else may have been given the same: it comes again, or it was sent before the server had to
        send things again."""
        known = self._generations.get(delivery.message.sender)
        return delivery.redelivered or known is None or delivery.message.generation < known

    def _claim(self, server: str, attempts: Sequence[AttemptName], number: int) -> None:
        message = Message(Kind.CLAIM, encode(Claim(self.id, list(attempts), number)))
        self._background.spawn(self._tell(server, message))

    async def _tell_all(self, message: Message) -> None:
        await asyncio.gather(*(self._tell(server, message) for server in self._generations))

    async def _tell(self, server: str, message: Message) -> None:
        """What is lost is said again by others means: claims with the next heartbeat, a goodbye by silence."""
        try:
            await self._broker.publish(results_of(server), [message])
        except Unavailable as error:
            log.warning("%s is not told: %s", server, error)


def _read(body: bytes, kind: type[T]) -> T:
    return msgspec.json.decode(body, type=kind)
