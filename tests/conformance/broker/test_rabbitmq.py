"""What only a broker in the network has: it goes away and comes back, and others write into its queues."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiormq
import pytest
from aiormq.abc import AbstractChannel
from pamqp.commands import Basic

from offizin.brokers.amqp_url import AmqpUrl
from offizin.brokers.broker import DEAD_LETTERS, Kind, Message
from offizin.brokers.rabbitmq import RabbitMqBroker
from offizin.brokers.rabbitmq.queues import DELIVERY_LIMIT
from offizin.clock import SystemClock
from offizin.errors import Unavailable
from offizin.messages import ENVELOPE_VERSION
from tests.conformance.broker.conftest import BACKOFF
from tests.conformance.broker.consumers import QUEUE, consumer, everything_settled, messages
from tests.rabbitmq_server import RabbitMqServer, free_ports


async def opened(url: str, patience: float = 60.0) -> RabbitMqBroker:
    return await RabbitMqBroker.open(AmqpUrl.parse(url), SystemClock(), patience=patience, backoff=BACKOFF)


@pytest.fixture
def url(rabbitmq_server: RabbitMqServer) -> str:
    return rabbitmq_server.new_url()


@pytest.fixture
async def broker(url: str) -> AsyncIterator[RabbitMqBroker]:
    made = await opened(url)
    yield made
    await made.close()


@asynccontextmanager
async def raw_channel(url: str) -> AsyncIterator[AbstractChannel]:
    """As anybody else would use RabbitMQ."""
    connection = await aiormq.connect(url)
    yield await connection.channel()
    await connection.close()


async def dead_letters(broker: RabbitMqBroker, count: int) -> None:
    """Wait for them: RabbitMQ moves them when it has the time."""
    async with asyncio.timeout(20):
        while await broker.depth(DEAD_LETTERS) < count:
            await everything_settled(broker)


async def test_what_was_not_answered_before_the_connection_was_lost_comes_again(
    broker: RabbitMqBroker, rabbitmq_server: RabbitMqServer
) -> None:
    taker = await consumer(broker)
    await broker.publish(QUEUE, messages(1, 2, 3))
    await taker.has(3)
    taker.got[1].acknowledge()
    await everything_settled(broker)
    rabbitmq_server.close_all_connections()
    await taker.has(5)
    assert taker.bodies == [1, 2, 3, 1, 3]
    assert [delivery.redelivered for delivery in taker.got] == [False, False, False, True, True]
    assert [delivery.lost for delivery in taker.got] == [True, False, True, False, False]


async def test_whoever_begins_to_listen_can_be_stopped_at_any_moment(broker: RabbitMqBroker) -> None:
    """A call of aiormq's that is cancelled may say that its channel was lost; that is no reason to begin again."""
    for moment in range(40):
        beginning = asyncio.create_task(broker.consume(f"{QUEUE}-{moment % 4}", 1, lambda _: None))
        await asyncio.sleep(moment * 0.0004)
        beginning.cancel()
        async with asyncio.timeout(5):
            await asyncio.wait({beginning})
        if not beginning.cancelled():
            await beginning.result().cancel()


async def test_an_answer_to_a_delivery_of_a_lost_connection_changes_nothing(
    broker: RabbitMqBroker, rabbitmq_server: RabbitMqServer
) -> None:
    taker = await consumer(broker)
    await broker.publish(QUEUE, messages(1))
    await taker.has(1)
    rabbitmq_server.close_all_connections()
    await taker.has(2)
    taker.got[0].acknowledge()
    taker.got[0].hand_back()
    taker.got[0].refuse()
    await everything_settled(broker)
    await taker.cancel()
    await everything_settled(broker)
    assert await broker.depth(QUEUE) == 1
    assert await broker.depth(DEAD_LETTERS) == 0


async def test_messages_on_their_way_when_the_connection_is_lost_arrive_and_repeated_ones_say_so(
    broker: RabbitMqBroker, rabbitmq_server: RabbitMqServer
) -> None:
    taker = await consumer(broker, prefetch=10_000)
    publishing = [asyncio.create_task(broker.publish(QUEUE, messages(*range(n, n + 200)))) for n in range(0, 2000, 200)]
    await taker.has(1)
    await asyncio.to_thread(rabbitmq_server.close_all_connections)
    await asyncio.gather(*publishing)
    async with asyncio.timeout(20):
        while set(taker.bodies) != set(range(2000)):
            await taker.has(len(taker.got) + 1)
    first: set[int] = set()
    for delivery, number in zip(taker.got, taker.bodies, strict=True):
        assert number not in first or delivery.redelivered
        first.add(number)


async def test_a_broker_that_was_stopped_comes_back_with_everything_but_what_was_acknowledged(
    url: str, rabbitmq_server: RabbitMqServer
) -> None:
    broker, hasty = await opened(url), await opened(url, patience=0.5)
    taker = await consumer(broker, prefetch=3)
    await broker.publish(QUEUE, messages(*range(5)))
    await taker.has(3)
    taker.got[0].acknowledge()
    await taker.has(4)
    await everything_settled(broker)
    rabbitmq_server.stop()
    with pytest.raises(Unavailable) as caught:
        await hasty.publish(QUEUE, messages(6))
    assert str(rabbitmq_server.port) in caught.value.message
    assert caught.value.advice
    meanwhile = asyncio.create_task(broker.publish(QUEUE, messages(5)))
    await asyncio.to_thread(rabbitmq_server.start)
    await meanwhile
    for number in range(4, 9):
        await taker.has(number + 1)
        taker.got[number].acknowledge()
    await everything_settled(broker)
    assert sorted(taker.bodies[4:]) == [1, 2, 3, 4, 5]
    assert {1, 2, 3} <= {int(delivery.message.body) for delivery in taker.got[4:] if delivery.redelivered}
    assert await hasty.depth(QUEUE) == 0
    await hasty.close()
    await broker.close()


async def test_a_broker_that_comes_back_empty_is_used_as_before(rabbitmq_server: RabbitMqServer) -> None:
    broker = await opened(rabbitmq_server.url)
    taker = await consumer(broker)
    await broker.publish(QUEUE, messages(1))
    await taker.has(1)
    await asyncio.to_thread(rabbitmq_server.restart, empty=True)
    await broker.publish(QUEUE, messages(2))
    await taker.has(2)
    await broker.publish(DEAD_LETTERS, messages(3))
    assert taker.bodies == [1, 2]
    assert taker.got[0].lost
    assert await broker.depth(DEAD_LETTERS) == 1
    await broker.close()


@pytest.mark.parametrize(
    "properties",
    [
        Basic.Properties(),
        Basic.Properties(headers={"kind": "piece"}),
        Basic.Properties(headers={"kind": "piece", "version": ENVELOPE_VERSION + 1}),
        Basic.Properties(headers={"kind": "gossip", "version": ENVELOPE_VERSION}),
    ],
    ids=["no headers", "no version", "another version", "another kind"],
)
async def test_a_message_nobody_can_read_goes_to_the_dead_letters(
    broker: RabbitMqBroker, url: str, properties: Basic.Properties
) -> None:
    taker = await consumer(broker)
    async with raw_channel(url) as channel:
        await channel.basic_publish(b"?", routing_key=QUEUE, properties=properties)
        await broker.publish(QUEUE, messages(1))
        await taker.has(1)
        await dead_letters(broker, 1)
        dead = await channel.basic_get(DEAD_LETTERS)
    assert taker.bodies == [1]
    assert dead.body == b"?"
    assert dead.routing_key == QUEUE


async def test_a_message_that_comes_back_too_often_goes_to_the_dead_letters(broker: RabbitMqBroker) -> None:
    taker = await consumer(broker)
    await broker.publish(QUEUE, messages(1))
    for times in range(1, DELIVERY_LIMIT + 2):
        await taker.has(times)
        taker.got[-1].hand_back()
    await dead_letters(broker, 1)
    assert len(taker.got) == DELIVERY_LIMIT + 1


async def test_messages_are_persistent_and_say_what_they_are(broker: RabbitMqBroker, url: str) -> None:
    await broker.publish(QUEUE, [Message(Kind.RESULT, b"{}"), Message(Kind.PIECE, b"{}", again=True)])
    async with raw_channel(url) as channel:
        got = [(await channel.basic_get(QUEUE)).header.properties for _ in range(2)]
    assert [each.delivery_mode for each in got] == [2, 2]
    assert [each.content_type for each in got] == ["application/json"] * 2
    ours = [{name: value for name, value in (each.headers or {}).items() if name[:2] != "x-"} for each in got]
    assert ours == [
        {"kind": "result", "version": ENVELOPE_VERSION},
        {"kind": "piece", "version": ENVELOPE_VERSION, "again": True},
    ]
    assert got[0].message_id != got[1].message_id


async def test_ten_thousand_messages_pass_through(broker: RabbitMqBroker) -> None:
    taker = await consumer(broker, prefetch=500)
    publishing = asyncio.create_task(broker.publish(QUEUE, messages(*range(10_000))))
    answered = 0
    while answered < 10_000:
        await taker.has(answered + 1)
        for delivery in taker.got[answered:]:
            delivery.acknowledge()
            answered += 1
    await publishing
    await everything_settled(broker)
    assert taker.bodies == list(range(10_000))
    assert await broker.depth(QUEUE) == 0


async def test_a_queue_that_somebody_deleted_is_made_again(broker: RabbitMqBroker, url: str) -> None:
    taker = await consumer(broker)
    await broker.publish(QUEUE, messages(1))
    await taker.has(1)
    async with raw_channel(url) as channel:
        await channel.queue_delete(QUEUE)
    await broker.publish(QUEUE, messages(2))
    await taker.has(2)
    assert taker.bodies == [1, 2]


async def test_a_queue_that_is_not_as_ours_are_is_refused_with_advice(broker: RabbitMqBroker, url: str) -> None:
    async with raw_channel(url) as channel:
        await channel.queue_declare(QUEUE, durable=True)
    for call in (broker.publish(QUEUE, messages(1)), consumer(broker)):
        with pytest.raises(Unavailable, match="other properties") as caught:
            await call
        assert f"delete_queue --vhost test-{url.rpartition('-')[2]} {QUEUE}" in caught.value.advice


async def test_a_broker_that_is_not_there_is_named_with_advice() -> None:
    (port,) = free_ports(1)
    with pytest.raises(Unavailable) as caught:
        await opened(f"amqp://user:secret@127.0.0.1:{port}", patience=0.3)
    assert f"amqp://user@127.0.0.1:{port}" in caught.value.message
    assert "secret" not in caught.value.message
    assert "runs" in caught.value.advice


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        (("guest:guest@", "guest:wrong@"), "process_queue.credentials"),
        (("/%2F", "/nowhere"), "add_vhost nowhere"),
    ],
    ids=["password", "vhost"],
)
async def test_a_broker_that_lets_us_not_in_is_named_with_advice(
    rabbitmq_server: RabbitMqServer, wrong: tuple[str, str], advice: str
) -> None:
    with pytest.raises(Unavailable) as caught:
        await opened(rabbitmq_server.url.replace(*wrong), patience=1.0)
    assert advice in caught.value.advice
    assert "guest:" not in caught.value.message


async def test_nothing_can_be_published_after_the_end(broker: RabbitMqBroker) -> None:
    await broker.close()
    await broker.close()
    with pytest.raises(Unavailable, match="closed"):
        await broker.publish(QUEUE, messages(1))
