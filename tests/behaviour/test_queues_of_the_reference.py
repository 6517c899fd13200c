"""Queues of the reference, as its workers declare them, looked at and used by ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiormq
import pytest

from offizin.brokers.amqp_url import AmqpUrl
from offizin.brokers.rabbitmq.plain_queues import PlainDelivery, PlainQueues, QueueLook
from offizin.clock import SystemClock
from offizin.errors import Unavailable
from tests.rabbitmq_server import RabbitMqServer

QUEUE = "ocrd-dummy"


@pytest.fixture
def url(rabbitmq_server: RabbitMqServer) -> str:
    return rabbitmq_server.new_url()


@pytest.fixture
async def queues(url: str) -> AsyncIterator[PlainQueues]:
    opened = PlainQueues.open(AmqpUrl.parse(url), SystemClock(), "test")
    yield opened
    await opened.close()


@pytest.fixture
async def other(url: str) -> AsyncIterator[aiormq.abc.AbstractChannel]:
    """A channel of somebody else, who has declared the queue."""
    connection = await aiormq.connect(url)
    channel = await connection.channel()
    await channel.queue_declare(QUEUE, durable=True)
    yield channel
    await connection.close()


async def test_a_queue_that_is_not_there_is_not_made(queues: PlainQueues) -> None:
    assert await queues.look(["ocrd-a", "ocrd-b"]) == {}
    assert not await queues.publish("ocrd-a", b"lost")
    assert await queues.take_back("ocrd-a", lambda _: True) == []
    assert await queues.look(["ocrd-a"]) == {}


async def test_messages_and_consumers_are_counted(queues: PlainQueues, other: aiormq.abc.AbstractChannel) -> None:
    assert await queues.publish(QUEUE, b"one")
    assert await queues.look(["ocrd-a", QUEUE, "ocrd-b"]) == {QUEUE: QueueLook(1, 0)}
    arrived = asyncio.Queue[bytes]()

    async def arrive(message: aiormq.abc.DeliveredMessage) -> None:
        arrived.put_nowait(message.body)

    await other.basic_consume(QUEUE, arrive)
    assert await arrived.get() == b"one"
    assert await queues.look([QUEUE]) == {QUEUE: QueueLook(0, 1)}


async def test_only_what_is_wanted_is_taken_back(queues: PlainQueues, other: aiormq.abc.AbstractChannel) -> None:
    for body in (b"theirs 1", b"ours 1", b"theirs 2", b"ours 2"):
        await other.basic_publish(body, routing_key=QUEUE)
    assert await queues.take_back(QUEUE, lambda body: body.startswith(b"ours")) == [b"ours 1", b"ours 2"]
    left = [await other.basic_get(QUEUE) for _ in range(2)]
    assert [message.body for message in left] == [b"theirs 1", b"theirs 2"]


async def test_what_was_not_acknowledged_comes_again_after_the_connection_was_lost(
    queues: PlainQueues, other: aiormq.abc.AbstractChannel, rabbitmq_server: RabbitMqServer
) -> None:
    arrived = asyncio.Queue[PlainDelivery]()
    queues.consume(QUEUE, 10, arrived.put_nowait)
    await other.basic_publish(b"one", routing_key=QUEUE)
    await other.basic_publish(b"two", routing_key=QUEUE)
    first, second = await arrived.get(), await arrived.get()
    await first.acknowledge()
    rabbitmq_server.close_connection("test")
    again = await arrived.get()
    assert again.body == second.body == b"two"
    await second.acknowledge()  # too late, and harmless
    await again.acknowledge()
    assert await queues.look([QUEUE]) == {QUEUE: QueueLook(0, 1)}


async def test_a_queue_that_exists_otherwise_is_named(queues: PlainQueues, url: str) -> None:
    connection = await aiormq.connect(url)
    channel = await connection.channel()
    await channel.queue_declare("results", durable=True, arguments={"x-queue-type": "quorum"})
    with pytest.raises(Unavailable, match=r"the queue results .* exists with other properties"):
        await queues.declare("results")
    await queues.declare("others")
    await queues.declare("others")
    await connection.close()
