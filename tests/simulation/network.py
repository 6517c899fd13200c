"""A broker in the network, as RabbitMQ is one: it outlives servers and workers, each of which has a connection that may
be lost, with what was under way on it in either direction; and it may come back empty.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from offizin.brokers.broker import Delivery, Message, Subscription, is_control
from offizin.errors import Unavailable
from tests.simulation.chances import Chances
from tests.simulation.virtual_loop import INSTANT, Life

PATIENCE = 30.0
# How long a message takes in either direction, at most, in seconds.
TRAVEL = 0.02


@dataclass(eq=False)
class _Queue:
    name: str
    waiting: deque[tuple[Message, bool]] = field(default_factory=deque)  # with: whether it comes again
    consumers: list[_Consumer] = field(default_factory=list)


@dataclass(eq=False)
class _Unanswered:
    """What the broker has given to a consumer."""

    message: Message
    delivery: _Delivery


class _Delivery:
    def __init__(self, consumer: _Consumer, message: Message, redelivered: bool) -> None:
        self.message = message
        self.redelivered = redelivered
        self.lost = False
        self._consumer = consumer
        self._answered = False

    def acknowledge(self) -> None:
        self._answer("acknowledge")

    def hand_back(self) -> None:
        self._answer("hand back")

    def refuse(self) -> None:
        self._answer("refuse")

    def _answer(self, how: str) -> None:
        if not self._answered and not self.lost:
            self._answered = True
            self._consumer.connection.send(lambda: self._consumer.answered(self, how))


class _Consumer:
    """One subscription; it is made again after its connection was."""

    def __init__(
        self, connection: Connection, queue: str, prefetch: int, deliver: Callable[[list[Delivery]], None]
    ) -> None:
        self.connection = connection
        self.queue = queue
        self.unanswered: dict[int, _Unanswered] = {}
        self._prefetch = prefetch
        self._deliver = deliver

    @property
    def room(self) -> int:
        return self._prefetch - len(self.unanswered)

    def give(self, message: Message, redelivered: bool) -> None:
        delivery = _Delivery(self, message, redelivered)
        self.unanswered[id(delivery)] = _Unanswered(message, delivery)
        self.connection.receive(lambda: self._deliver([delivery]))

    def answered(self, delivery: _Delivery, how: str) -> None:
        """The answer has reached the broker."""
        found = self.unanswered.pop(id(delivery), None)
        if found is not None and how == "hand back":
            self.connection.network.put_back(self.queue, [found.message])
        self.connection.network.pump(self.queue)

    async def cancel(self) -> None:
        if self in self.connection.consumers:
            self.connection.consumers.remove(self)
            self.leave()

    def leave(self) -> None:
        """The broker forgets it; what it has not answered comes again, to somebody."""
        network = self.connection.network
        queue = network.queues.get(self.queue)
        if queue is None or self not in queue.consumers:
            return
        queue.consumers.remove(self)
        left = [found.message for found in self.unanswered.values()]
        for found in self.unanswered.values():
            self.connection.notice(found.delivery)
        self.unanswered.clear()
        if is_control(self.queue):
            del network.queues[self.queue]
        else:
            network.put_back(self.queue, left)


class Connection:
    """A server's or worker's way to the broker: has the face of RabbitMqBroker. ``again`` as there."""

    def __init__(self, network: Network, life: Life, again: Callable[[], None]) -> None:
        self.network = network
        self.consumers: list[_Consumer] = []
        self._life = life
        self._again = again
        self._epoch = 0
        self._up = asyncio.Event()
        self._up.set()
        self._broken = asyncio.Event()  # this one connection
        self._sent_at = self._received_at = 0.0

    # Broker

    async def publish(self, queue: str, messages: Sequence[Message]) -> None:
        messages = list(messages)
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    await self._up.wait()
                    broken = self._broken
                    arrived: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                    self.send(lambda sent=messages: self.network.arrive(queue, sent))  # type: ignore[misc]
                    self.send(lambda done=arrived: self.receive(lambda: _set(done)))  # type: ignore[misc]
                    self.network.trouble(self)
                    lost = asyncio.ensure_future(broken.wait())
                    await asyncio.wait({arrived, lost}, return_when=asyncio.FIRST_COMPLETED)
                    lost.cancel()
                    if arrived.done():
                        return
                    messages = [replace(message, again=True) for message in messages]
        except TimeoutError:
            raise Unavailable("the broker cannot be reached") from None

    async def consume(self, queue: str, prefetch: int, deliver: Callable[[list[Delivery]], None]) -> Subscription:
        await self._up.wait()
        await asyncio.sleep(self.network.delay())
        consumer = _Consumer(self, queue, prefetch, deliver)
        self.consumers.append(consumer)
        if self._up.is_set():
            self.network.subscribe(consumer)
        return consumer

    async def depth(self, queue: str) -> int:
        found = self.network.queues.get(queue)
        return len(found.waiting) if found else 0

    async def close(self) -> None:
        self.network.disconnect(self)
        for consumer in list(self.consumers):
            await consumer.cancel()

    # What travels

    def send(self, arrive: Callable[[], None]) -> None:
        """In the order it is sent; lost if the connection is, before it arrives."""
        loop = asyncio.get_running_loop()
        self._sent_at = max(self._sent_at + INSTANT, loop.time() + self.network.delay())
        epoch = self._epoch

        def reach() -> None:
            if epoch == self._epoch:
                arrive()

        loop.call_at(self._sent_at, reach, context=contextvars.Context())

    def receive(self, deliver: Callable[[], None]) -> None:
        """As ``send``, the other way. What the broker sent before a loss may still be read before that is noticed."""
        loop = asyncio.get_running_loop()
        self._received_at = max(self._received_at + INSTANT, loop.time() + self.network.delay())
        loop.call_at(self._received_at, deliver, context=self._life.context.copy())

    def notice(self, delivery: _Delivery) -> None:
        """The client learns that this is somebody else's, after what it was sent before."""

        def lose() -> None:
            delivery.lost = True

        self.receive(lose)

    def lose(self) -> None:
        """At once for the broker; the client notices after it has read what was sent to it, and connects again."""
        if not self._up.is_set():
            return
        self._epoch += 1
        self._up.clear()
        self._broken.set()
        self._broken = asyncio.Event()
        for consumer in self.consumers:
            consumer.leave()
        loop = asyncio.get_running_loop()
        back = self.network.chances.stream("connection").random() * 3.0
        self.receive(lambda: None)
        at = max(self._received_at + INSTANT, loop.time() + back)
        loop.call_at(at, self._connect_again, context=self._life.context.copy())

    def _connect_again(self) -> None:
        if self not in self.network.connections:
            return
        self._again()
        self._up.set()
        for consumer in self.consumers:
            self.network.subscribe(consumer)


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class Network:
    """The broker itself."""

    def __init__(self, chances: Chances, tell: Callable[[str], None]) -> None:
        self.chances = chances
        self.queues: dict[str, _Queue] = {}
        self.connections: list[Connection] = []
        self.deliveries = 0
        self._tell = tell

    def connect(self, life: Life, again: Callable[[], None]) -> Connection:
        connection = Connection(self, life, again)
        self.connections.append(connection)
        return connection

    def disconnect(self, connection: Connection) -> None:
        if connection in self.connections:
            self.connections.remove(connection)

    def died(self, life: Life) -> None:
        """The client was killed: what it had sent still arrives, and then its connection ends."""
        for connection in [c for c in self.connections if c._life is life]:
            self.connections.remove(connection)
            connection.send(lambda c=connection: [consumer.leave() for consumer in c.consumers])  # type: ignore[misc]

    def delay(self) -> float:
        return self.chances.seconds("network", TRAVEL)

    def trouble(self, connection: Connection) -> None:
        """Something was sent: now is the time for it."""
        loop = asyncio.get_running_loop()
        soon = loop.time() + self.chances.stream("trouble").random() * 0.05
        if self.chances.happens("a connection is lost"):
            loop.call_at(soon, self._lose, connection, context=contextvars.Context())
        if self.chances.happens("the broker comes back empty"):
            loop.call_at(soon, self._empty, context=contextvars.Context())

    def _lose(self, connection: Connection) -> None:
        self._tell("--- a connection is lost")
        connection.lose()

    def _empty(self) -> None:
        self._tell("--- the broker is lost, and comes back empty")
        for connection in self.connections:
            connection.lose()
        for queue in self.queues.values():
            queue.waiting.clear()

    def arrive(self, queue: str, messages: Sequence[Message]) -> None:
        if is_control(queue) and queue not in self.queues:
            return
        self._queue(queue).waiting.extend((message, message.again) for message in messages)
        self.pump(queue)

    def put_back(self, queue: str, messages: Sequence[Message]) -> None:
        self._queue(queue).waiting.extendleft((message, True) for message in reversed(messages))
        self.pump(queue)

    def subscribe(self, consumer: _Consumer) -> None:
        self._queue(consumer.queue).consumers.append(consumer)
        self.pump(consumer.queue)

    def pump(self, name: str) -> None:
        queue = self.queues.get(name)
        while queue is not None and queue.waiting:
            consumer = next((c for c in queue.consumers if c.room > 0), None)
            if consumer is None:
                return
            queue.consumers.remove(consumer)
            queue.consumers.append(consumer)
            message, redelivered = queue.waiting.popleft()
            self.deliveries += 1
            consumer.give(message, redelivered)

    def _queue(self, name: str) -> _Queue:
        return self.queues.setdefault(name, _Queue(name))
