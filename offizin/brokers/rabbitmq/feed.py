"""The deliveries of one channel, from its opening to its loss."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from aiormq.abc import AbstractChannel, DeliveredMessage

from offizin.brokers.broker import Delivery, Message
from offizin.brokers.rabbitmq.answers import Answer, frames
from offizin.brokers.rabbitmq.cancellation import Cancellation
from offizin.brokers.rabbitmq.envelope import Unreadable, read
from offizin.brokers.rabbitmq.session import LIMIT, Session
from offizin.brokers.rabbitmq.troubles import LOST

log = logging.getLogger(__name__)

# AMQP counts them in 16 bits.
MOST_PREFETCH = 65_535


class RabbitMqDelivery:
    __slots__ = ("_feed", "_tag", "lost", "message", "redelivered")

    def __init__(self, feed: Feed, tag: int, message: Message, redelivered: bool) -> None:
        self.message = message
        self.redelivered = redelivered
        self.lost = False
        self._feed: Feed | None = feed
        self._tag = tag

    def acknowledge(self) -> None:
        self._answer(Answer.ACKNOWLEDGE)

    def hand_back(self) -> None:
        self._answer(Answer.HAND_BACK)

    def refuse(self) -> None:
        self._answer(Answer.REFUSE)

    def lose(self) -> None:
        self._feed, self.lost = None, True

    def _answer(self, answer: Answer) -> None:
        if self._feed is not None:
            feed, self._feed = self._feed, None
            feed.answered(self._tag, answer)


class Feed:
    """``ended`` is set when nothing comes any more, from whatever side."""

    def __init__(self, deliver: Callable[[list[Delivery]], None]) -> None:
        self.ended = asyncio.Event()
        self._deliver = deliver
        self._loop = asyncio.get_running_loop()
        self._arrived: list[Delivery] = []
        self._open: dict[int, RabbitMqDelivery] = {}  # in the order they came
        self._given: dict[int, Answer] = {}
        self._wakened = asyncio.Event()
        self._channel: AbstractChannel | None = None
        self._tag = ""
        self._sender: asyncio.Task[None] | None = None

    async def open(self, session: Session, queue: str, prefetch: int) -> None:
        """Raises as ``Session.declare``, and TimeoutError: a queue without a leader gives no answer."""
        async with asyncio.timeout(LIMIT):
            await session.declare(queue)
            channel = self._channel = await session.consuming_channel()
            channel.closing.add_done_callback(lambda _: self.ended.set())
            # The queue was deleted, or has lost its leader.
            channel.on_consumer_cancel_callbacks.add(lambda _: self.ended.set())
            await channel.basic_qos(prefetch_count=min(prefetch, MOST_PREFETCH))
            self._sender = asyncio.create_task(self._send())
            self._tag = (await channel.basic_consume(queue, self._arrive)).consumer_tag or ""

    async def close(self) -> None:
        """Send the answers that were given, and let go of what was not answered."""
        self.ended.set()
        cancellation = Cancellation()
        for delivery in self._open.values():
            delivery.lose()
        self._open.clear()
        channel = self._channel
        if channel is None:
            return
        try:
            async with asyncio.timeout(LIMIT):
                if self._sender is not None:
                    self._wakened.set()
                    await self._sender
                if not channel.is_closed and self._tag:
                    await channel.basic_cancel(self._tag)
                    await channel.basic_nack(0, multiple=True, requeue=True)
        except LOST as error:
            log.debug("a channel was lost before its end: %r", error)
        finally:
            if self._sender is not None:
                self._sender.cancel()
            with contextlib.suppress(*LOST):
                async with asyncio.timeout(LIMIT):
                    await channel.close()
            cancellation.heed()

    def answered(self, tag: int, answer: Answer) -> None:
        del self._open[tag]
        self._given[tag] = answer
        self._wakened.set()

    async def _arrive(self, delivered: DeliveredMessage) -> None:
        if self.ended.is_set() or delivered.delivery_tag is None:
            return
        try:
            message = read(delivered.header.properties, delivered.body)
        except Unreadable as error:
            log.error("a message of queue %s goes to the dead letters: %s", delivered.routing_key, error)
            self._given[delivered.delivery_tag] = Answer.REFUSE
            self._wakened.set()
            return
        tag = delivered.delivery_tag
        delivery = RabbitMqDelivery(self, tag, message, bool(delivered.redelivered) or message.again)
        self._open[tag] = delivery
        if not self._arrived:
            self._loop.call_soon(self._hand_over)
        self._arrived.append(delivery)

    def _hand_over(self) -> None:
        """What has arrived together is delivered together."""
        arrived, self._arrived = self._arrived, []
        if not self.ended.is_set():
            self._deliver(arrived)

    async def _send(self) -> None:
        with contextlib.suppress(*LOST):
            while not (self.ended.is_set() and not self._given):
                await self._wakened.wait()
                self._wakened.clear()
                await self._send_given()

    async def _send_given(self) -> None:
        given, self._given = self._given, {}
        channel = self._channel
        assert channel is not None
        for frame in frames(given, next(iter(self._open), None)):
            if frame.answer is Answer.ACKNOWLEDGE:
                await channel.basic_ack(frame.tag, multiple=frame.multiple, wait=False)
            else:
                await channel.basic_reject(frame.tag, requeue=frame.answer is Answer.HAND_BACK, wait=False)
