"""One connection to RabbitMQ, from its making to its loss: channels, declared queues, confirmed publishing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import cast

import aiormq
from aiormq.abc import AbstractChannel, AbstractConnection
from pamqp.commands import Basic

from offizin.brokers.amqp_url import AmqpUrl, password_of
from offizin.brokers.broker import is_control
from offizin.brokers.rabbitmq.cancellation import Cancellation
from offizin.brokers.rabbitmq.envelope import Letter
from offizin.brokers.rabbitmq.queues import declare, declare_dead_letters
from offizin.brokers.rabbitmq.troubles import LOST, declared_otherwise

# Seconds without a sign of life after which either side asks for one; the connection is lost after two or three. So
# what a worker that stands still would get goes to others about when its lease is over.
HEARTBEAT = 5
# For a connection, or its end, in seconds.
LIMIT = 10.0
# So many messages are on their way to the broker at once.
IN_FLIGHT = 512


class Session:
    def __init__(self, url: AmqpUrl, connection: AbstractConnection, publishing: aiormq.Channel) -> None:
        self.lost = asyncio.Event()
        self._url = url
        self._connection = connection
        self._publishing = publishing
        self._declared: set[str] = set()
        for closing in (connection.closing, publishing.closing):
            closing.add_done_callback(lambda _: self.lost.set())

    @classmethod
    async def open(cls, url: AmqpUrl, name: str) -> Session:
        """``name`` is what an administrator reads in RabbitMQ's list. Raises one of LOST, or SettingsInvalid."""
        password = await asyncio.to_thread(password_of, url)
        driver_url = url.with_password(password, heartbeat=str(HEARTBEAT), name=name)
        async with asyncio.timeout(LIMIT):
            connection = await aiormq.connect(driver_url)
            try:
                setting_up = await connection.channel(publisher_confirms=False)
                await declare_dead_letters(setting_up)
                await setting_up.close()
                return cls(url, connection, cast(aiormq.Channel, await connection.channel()))
            except BaseException:
                await connection.close()
                raise

    async def close(self) -> None:
        self.lost.set()
        cancellation = Cancellation()
        with contextlib.suppress(*LOST):
            async with asyncio.timeout(LIMIT):
                await self._connection.close()
        cancellation.heed()

    @contextlib.asynccontextmanager
    async def channel(self) -> AsyncIterator[AbstractChannel]:
        """One for a few questions: RabbitMQ closes a channel at the first mistake."""
        opened = await self._connection.channel(publisher_confirms=False)
        cancellation = Cancellation()
        try:
            yield opened
        finally:
            with contextlib.suppress(*LOST):
                await opened.close()
            cancellation.heed()

    async def consuming_channel(self) -> AbstractChannel:
        return await self._connection.channel(publisher_confirms=False)

    async def declare(self, queue: str) -> None:
        """Raises one of LOST, or Unavailable when the queue exists otherwise."""
        if queue in self._declared:
            return
        async with self.channel() as channel:
            try:
                await declare(channel, queue)
            except aiormq.ChannelPreconditionFailed as error:
                raise declared_otherwise(self._url, queue, error) from error
        self._declared.add(queue)

    def forget(self, queue: str) -> None:
        """It may have been deleted."""
        self._declared.discard(queue)

    async def publish(self, queue: str, letters: Sequence[Letter]) -> list[Letter]:
        """Send them, in order, and wait until the broker has each on disk. Returns those of which that is not known.
        Raises as ``declare``."""
        if is_control(queue):
            for letter in letters:
                await self._publish_one(queue, letter, mandatory=False)
            return []
        await self.declare(queue)
        for start in range(0, len(letters), IN_FLIGHT):
            batch = letters[start : start + IN_FLIGHT]
            left = await self._publish_batch(queue, batch)
            if left:
                return [*left, *letters[start + IN_FLIGHT :]]
        return []

    async def publish_plain(self, queue: str, body: bytes, properties: Basic.Properties) -> None:
        """To a queue that is not ours. Returns when the broker has it; raises one of LOST, among them
        aiormq.PublishError when there is no such queue."""
        await self._publishing.basic_publish(
            body, routing_key=queue, properties=properties, mandatory=True, timeout=LIMIT
        )

    async def _publish_batch(self, queue: str, batch: Sequence[Letter]) -> list[Letter]:
        answers = await asyncio.gather(*(self._publish_one(queue, letter) for letter in batch), return_exceptions=True)
        left: list[Letter] = []
        for letter, answer in zip(batch, answers, strict=True):
            if isinstance(answer, aiormq.PublishError):  # there is no such queue any more
                self.forget(queue)
                left.append(letter)
            elif isinstance(answer, BaseException):
                # CancelledError, too: aiormq says so when the channel is closed on our side.
                if not isinstance(answer, (*LOST, asyncio.CancelledError)):
                    raise answer
                left.append(letter.once_more())
        return left

    async def _publish_one(self, queue: str, letter: Letter, *, mandatory: bool = True) -> None:
        await self._publishing.basic_publish(
            letter.message.body, routing_key=queue, properties=letter.properties(), mandatory=mandatory, wait=False
        )
