"""Queues of the reference in RabbitMQ: durable, classic, without arguments, named after processors, bodies as they are.

Source: ocrd_network/rabbitmq_utils/connector.py of `ocrd` 3.13.3. Queues of workers are theirs: they are looked at and
never made, emptied or deleted here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Self, TypeVar

import aiormq
from aiormq.abc import AbstractChannel, DeliveredMessage
from pamqp.commands import Basic

from offizin.brokers.amqp_url import AmqpUrl
from offizin.brokers.rabbitmq.cancellation import Cancellation
from offizin.brokers.rabbitmq.envelope import APPLICATION, CONTENT_TYPE, PERSISTENT
from offizin.brokers.rabbitmq.link import Backoff, Link
from offizin.brokers.rabbitmq.session import Session
from offizin.brokers.rabbitmq.troubles import LOST, declared_otherwise
from offizin.clock import Clock

log = logging.getLogger(__name__)
T = TypeVar("T")

# How long one call waits for a broker that cannot be reached, in seconds.
PATIENCE = 10.0
# Before another try, in seconds.
PAUSE = 0.1


@dataclass(frozen=True, slots=True)
class QueueLook:
    """``ready``: messages that wait for a consumer."""

    ready: int
    consumers: int


@dataclass(slots=True, eq=False)
class PlainDelivery:
    """A message that owes the broker an answer. Once its channel is lost it comes again, and an answer does nothing."""

    body: bytes
    _channel: AbstractChannel
    _tag: int

    async def acknowledge(self) -> None:
        with contextlib.suppress(*LOST):
            await self._channel.basic_ack(self._tag)


class PlainQueues:
    """Over a connection of its own, so that a mistake on a queue of others hurts nobody. Each call raises Unavailable
    when the broker cannot be reached."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._declared: set[tuple[Session, str]] = set()
        self._consumers: set[asyncio.Task[None]] = set()

    @classmethod
    def open(cls, url: AmqpUrl, clock: Clock, name: str) -> Self:
        """Connects in the background."""
        return cls(Link(url, clock, Backoff(), name))

    async def look(self, queues: Collection[str]) -> dict[str, QueueLook]:
        """Those of them that are there."""

        async def look(session: Session) -> dict[str, QueueLook]:
            found: dict[str, QueueLook] = {}
            left = list(queues)
            while left:
                async with session.channel() as channel:
                    with contextlib.suppress(aiormq.ChannelNotFoundEntity):  # which closes the channel
                        while left:
                            declared = await channel.queue_declare(queue := left.pop(), passive=True)
                            found[queue] = QueueLook(declared.message_count or 0, declared.consumer_count or 0)
            return found

        return await self._patiently(look)

    async def publish(self, queue: str, body: bytes) -> bool:
        """Whether there is such a queue; then the broker has it on disk. It may be there twice after a lost
        connection."""

        async def publish(session: Session) -> bool:
            properties = Basic.Properties(content_type=CONTENT_TYPE, delivery_mode=PERSISTENT, app_id=APPLICATION)
            try:
                await session.publish_plain(queue, body, properties)
            except aiormq.PublishError:
                return False
            return True

        return await self._patiently(publish)

    async def declare(self, queue: str) -> None:
        """Raises Unavailable also when it exists otherwise."""

        async def declare(session: Session) -> None:
            if (session, queue) in self._declared:
                return
            async with session.channel() as channel:
                try:
                    await channel.queue_declare(queue, durable=True)
                except aiormq.ChannelPreconditionFailed as error:
                    raise declared_otherwise(self._link.url, queue, error) from error
            self._declared = {(s, q) for s, q in self._declared if s is session} | {(session, queue)}

        await self._patiently(declare)

    async def take_back(self, queue: str, wanted: Callable[[bytes], bool]) -> list[bytes]:
        """Take those messages that wait there and are ``wanted`` out of it; all others keep their places. For a queue
        that nobody consumes."""

        async def take(session: Session) -> list[bytes]:
            taken: list[bytes] = []
            async with session.channel() as channel:
                others: int | None = None
                with contextlib.suppress(aiormq.ChannelNotFoundEntity):
                    for _ in range((await channel.queue_declare(queue, passive=True)).message_count or 0):
                        message = await channel.basic_get(queue)
                        if message.delivery_tag is None or not isinstance(message.delivery, Basic.GetOk):
                            break
                        if wanted(message.body):
                            taken.append(message.body)
                            await channel.basic_ack(message.delivery_tag)
                        else:
                            others = message.delivery_tag
                    if others is not None:
                        await channel.basic_nack(others, multiple=True, requeue=True)
            return taken

        return await self._patiently(take)

    def consume(self, queue: str, prefetch: int, deliver: Callable[[PlainDelivery], None]) -> None:
        """From now on and until ``close``, also after the connection was lost. The queue is made."""
        task = asyncio.create_task(self._consume(queue, prefetch, deliver), name=f"consumer of {queue}")
        self._consumers.add(task)

    async def close(self) -> None:
        for task in self._consumers:
            task.cancel()
        await asyncio.gather(*self._consumers, return_exceptions=True)
        await self._link.close()

    async def _consume(self, queue: str, prefetch: int, deliver: Callable[[PlainDelivery], None]) -> None:
        cancellation = Cancellation()
        failures = 0
        while True:
            session = await self._link.session()
            try:
                async with session.channel() as channel:
                    ended = await _listen(channel, queue, prefetch, deliver)
                    failures = 0
                    await ended.wait()
            except LOST as error:
                cancellation.heed()
                log.warning("queue %s gives nothing now: %s", queue, error)
            failures += 1
            await self._link.pause(failures)

    async def _patiently(self, work: Callable[[Session], Awaitable[T]]) -> T:
        cancellation = Cancellation()
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    session = await self._link.session()
                    try:
                        return await work(session)
                    except LOST as error:
                        cancellation.heed()
                        log.debug("tried again: %r", error)
                    await asyncio.sleep(PAUSE)
        except TimeoutError:
            raise self._link.unavailable() from None


async def _listen(
    channel: AbstractChannel, queue: str, prefetch: int, deliver: Callable[[PlainDelivery], None]
) -> asyncio.Event:
    """What is set when nothing comes any more."""
    ended = asyncio.Event()

    async def arrive(found: DeliveredMessage) -> None:
        if found.delivery_tag is not None:
            deliver(PlainDelivery(found.body, channel, found.delivery_tag))

    channel.closing.add_done_callback(lambda _: ended.set())
    channel.on_consumer_cancel_callbacks.add(lambda _: ended.set())
    await channel.queue_declare(queue, durable=True)
    await channel.basic_qos(prefetch_count=prefetch)
    await channel.basic_consume(queue, arrive)
    return ended
