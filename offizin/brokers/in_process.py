"""The broker inside the server's process: real semantics (encoded messages, prefetch, redelivery), no network.

What it holds dies with the process, as with any broker that comes back empty; the database is the truth.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from offizin.brokers.broker import DEAD_LETTERS, MOST_DEAD_LETTERS, Delivery, Message, Subscription, is_control


class InProcessDelivery:
    __slots__ = ("_consumer", "lost", "message", "redelivered")

    def __init__(self, message: Message, redelivered: bool) -> None:
        self.message = message
        self.redelivered = redelivered
        self.lost = False
        self._consumer: InProcessConsumer | None = None

    def acknowledge(self) -> None:
        if self._consumer is not None:
            self._consumer.answered(self)
            self._consumer = None

    def hand_back(self) -> None:
        if self._consumer is not None:
            consumer, self._consumer = self._consumer, None
            consumer.queue.put_back([self.message])
            consumer.answered(self)

    def refuse(self) -> None:
        if self._consumer is not None:
            consumer, self._consumer = self._consumer, None
            consumer.queue.dead_letter(self.message)
            consumer.answered(self)

    def given_to(self, consumer: InProcessConsumer) -> None:
        self._consumer = consumer

    def lose(self) -> None:
        self._consumer, self.lost = None, True


class InProcessConsumer:
    """One subscription to one queue."""

    def __init__(self, queue: InProcessQueue, prefetch: int, deliver: Callable[[list[Delivery]], None]) -> None:
        self.queue = queue
        self.prefetch = prefetch
        self.deliver = deliver
        self.unanswered: dict[int, InProcessDelivery] = {}

    @property
    def room(self) -> int:
        return self.prefetch - len(self.unanswered)

    def answered(self, delivery: InProcessDelivery) -> None:
        self.unanswered.pop(id(delivery), None)
        self.queue.pump_soon()

    async def cancel(self) -> None:
        if self not in self.queue.consumers:
            return
        left = list(self.unanswered.values())
        self.unanswered.clear()
        for delivery in left:
            delivery.lose()
        self.queue.left_by(self, [delivery.message for delivery in left])


class InProcessQueue:
    """First in, first out; consumers take turns."""

    def __init__(
        self, dead_letter: Callable[[Message], None], most: int | None = None, *, exclusive: bool = False
    ) -> None:
        self.exclusive = exclusive  # it goes with its consumer
        self.waiting: deque[InProcessDelivery] = deque(maxlen=most)
        self.consumers: list[InProcessConsumer] = []
        self.dead_letter = dead_letter
        self._pump_scheduled = False

    def left_by(self, consumer: InProcessConsumer, unanswered: Sequence[Message]) -> None:
        self.consumers.remove(consumer)
        if self.exclusive:
            self.waiting.clear()
        else:
            self.put_back(unanswered)

    def put(self, messages: Sequence[Message]) -> None:
        self.waiting.extend(InProcessDelivery(message, redelivered=message.again) for message in messages)
        self.pump_soon()

    def put_back(self, messages: Sequence[Message]) -> None:
        self.waiting.extendleft(InProcessDelivery(message, redelivered=True) for message in reversed(messages))
        self.pump_soon()

    def pump_soon(self) -> None:
        """Deliver in the next turn of the loop, so that what arrives together is delivered together."""
        if self.waiting and not self._pump_scheduled:
            self._pump_scheduled = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        self._pump_scheduled = False
        for consumer in list(self.consumers):
            handed: list[Delivery] = []
            while self.waiting and consumer.room > 0:
                delivery = self.waiting.popleft()
                delivery.given_to(consumer)
                consumer.unanswered[id(delivery)] = delivery
                handed.append(delivery)
            if handed:
                consumer.deliver(handed)
        if len(self.consumers) > 1:
            self.consumers.append(self.consumers.pop(0))


class InProcessBroker:
    def __init__(self) -> None:
        self._queues: dict[str, InProcessQueue] = {}

    def _queue(self, name: str) -> InProcessQueue:
        if name not in self._queues:
            most = MOST_DEAD_LETTERS if name == DEAD_LETTERS else None
            self._queues[name] = InProcessQueue(self._dead_letter, most, exclusive=is_control(name))
        return self._queues[name]

    def _dead_letter(self, message: Message) -> None:
        self._queue(DEAD_LETTERS).put([message])

    async def publish(self, queue: str, messages: Sequence[Message]) -> None:
        if not is_control(queue) or self._queue(queue).consumers:
            self._queue(queue).put(messages)

    async def consume(self, queue: str, prefetch: int, deliver: Callable[[list[Delivery]], None]) -> Subscription:
        target = self._queue(queue)
        consumer = InProcessConsumer(target, prefetch, deliver)
        target.consumers.append(consumer)
        target.pump_soon()
        return consumer

    async def depth(self, queue: str) -> int:
        return len(self._queue(queue).waiting)

    async def close(self) -> None:
        for queue in self._queues.values():
            for consumer in queue.consumers:
                for delivery in consumer.unanswered.values():
                    delivery.lose()
            queue.consumers.clear()
        self._queues.clear()
