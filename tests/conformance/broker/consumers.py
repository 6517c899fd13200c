"""Consumers that hold what they were given until a test answers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from offizin.brokers.broker import Broker, Delivery, Kind, Message, Subscription, queue_of

QUEUE = queue_of("ocrd-dummy")
MANY = 1_000


@dataclass
class Consumer:
    """Holds what it was given, in order, until a test answers."""

    got: list[Delivery] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    subscription: Subscription | None = None

    def receive(self, deliveries: list[Delivery]) -> None:
        self.got.extend(deliveries)
        asyncio.get_running_loop().create_task(self._tell())

    async def _tell(self) -> None:
        async with self.arrived:
            self.arrived.notify_all()

    async def has(self, count: int) -> None:
        """Wait until it has been given so many."""
        async with asyncio.timeout(20), self.arrived:
            await self.arrived.wait_for(lambda: len(self.got) >= count)

    @property
    def bodies(self) -> list[int]:
        return [int(delivery.message.body) for delivery in self.got]

    async def cancel(self) -> None:
        assert self.subscription is not None
        await self.subscription.cancel()


async def consumer(broker: Broker, prefetch: int = MANY, queue: str = QUEUE) -> Consumer:
    made = Consumer()
    made.subscription = await broker.consume(queue, prefetch, made.receive)
    return made


def messages(*numbers: int) -> list[Message]:
    return [Message(Kind.PIECE, str(number).encode()) for number in numbers]


async def everything_settled(broker: Broker, probe: str = "offizin.probe") -> None:
    """Wait until a message that was sent now has made its way: what was to arrive before has arrived."""
    for turn in range(3):
        other = await consumer(broker, queue=f"{probe}.{turn}")
        await broker.publish(f"{probe}.{turn}", messages(0))
        await other.has(1)
        other.got[0].acknowledge()
        await other.cancel()
