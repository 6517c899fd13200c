"""``Broker`` over RabbitMQ (AMQP 0-9-1 with its extensions, https://www.rabbitmq.com/docs/specification)."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Sequence

import aiormq

from offizin.brokers.amqp_url import AmqpUrl
from offizin.brokers.broker import Delivery, Message, Subscription
from offizin.brokers.rabbitmq.cancellation import Cancellation
from offizin.brokers.rabbitmq.envelope import Letter
from offizin.brokers.rabbitmq.link import Backoff, Link
from offizin.brokers.rabbitmq.subscription import RabbitMqSubscription
from offizin.brokers.rabbitmq.troubles import LOST
from offizin.clock import Clock

# How long one call waits for a broker that cannot be reached or does not confirm, in seconds.
PATIENCE = 30.0
# Before a message that was not confirmed is sent again, in seconds.
PAUSE = 0.05


class RabbitMqBroker:
    """Use ``open``. A broker that goes away and comes back, even empty, is found again by itself: subscriptions go on,
    and what was not answered comes again, redelivered."""

    def __init__(self, link: Link, clock: Clock, patience: float) -> None:
        self._link = link
        self._clock = clock
        self._patience = patience
        self._subscriptions: set[RabbitMqSubscription] = set()
        self._name = clock.new_id()
        self._numbers = itertools.count(1)

    @classmethod
    async def open(
        cls,
        url: AmqpUrl,
        clock: Clock,
        *,
        patience: float = PATIENCE,
        backoff: Backoff = Backoff(),  # noqa: B008 (a frozen value)
        name: str = "offizin",
        again: Callable[[], None] = lambda: None,
    ) -> RabbitMqBroker:
        """Connect. Raises Unavailable when that does not succeed within ``patience`` seconds, which is also how long
        each later call waits. ``name`` is what an administrator sees in RabbitMQ's list of connections. ``again`` is
        called whenever the connection was lost and there is a new one, before anything is sent over it: the broker may
        have come back empty."""
        broker = cls(Link(url, clock, backoff, name, again), clock, patience)
        try:
            async with broker._patiently():
                await broker._link.session()
        except BaseException:
            await broker.close()
            raise
        return broker

    async def publish(self, queue: str, messages: Sequence[Message]) -> None:
        """All of them are on their way at once; returns when each is confirmed. What is lost on the way is sent again,
        and marked as that."""
        cancellation = Cancellation()
        letters = [Letter(f"{self._name}-{next(self._numbers)}", message) for message in messages]
        async with self._patiently():
            while letters:
                session = await self._link.session()
                with contextlib.suppress(*LOST):
                    letters = await session.publish(queue, letters)
                cancellation.heed()
                if letters:
                    await self._clock.sleep(PAUSE)

    async def consume(self, queue: str, prefetch: int, deliver: Callable[[list[Delivery]], None]) -> Subscription:
        """Raises Unavailable when the broker cannot be reached, or has a queue of that name that is not as ours are."""
        await self._declare(queue)
        subscription = RabbitMqSubscription(self._link, queue, prefetch, deliver)
        try:
            async with self._patiently():
                await subscription.established.wait()
        except BaseException:
            await subscription.cancel()
            raise
        self._subscriptions.add(subscription)
        return subscription

    async def depth(self, queue: str) -> int:
        cancellation = Cancellation()
        async with self._patiently():
            while True:
                session = await self._link.session()
                try:
                    async with session.channel() as channel:
                        return (await channel.queue_declare(queue, passive=True)).message_count or 0
                except aiormq.ChannelNotFoundEntity:
                    return 0
                except LOST:
                    cancellation.heed()
                    await self._clock.sleep(PAUSE)

    async def close(self) -> None:
        """End all subscriptions and the connection; what was acknowledged stays so."""
        await asyncio.gather(*(subscription.cancel() for subscription in self._subscriptions))
        self._subscriptions.clear()
        await self._link.close()

    async def _declare(self, queue: str) -> None:
        cancellation = Cancellation()
        async with self._patiently():
            while True:
                session = await self._link.session()
                try:
                    await session.declare(queue)
                    return
                except LOST:
                    cancellation.heed()
                    await self._clock.sleep(PAUSE)

    @contextlib.asynccontextmanager
    async def _patiently(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._patience):
                yield
        except TimeoutError:
            raise self._link.unavailable() from None
