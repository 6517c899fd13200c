"""What every broker does. One suite; each implementation is a factory in ``BROKERS``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest

from offizin.brokers.broker import Broker, Delivery, Kind, Message, Subscription, queue_of
from offizin.brokers.in_process import InProcessBroker

BROKERS: dict[str, Callable[[], Broker]] = {"in process": InProcessBroker}
QUEUE = queue_of("ocrd-dummy")
MANY = 1_000


@pytest.fixture(params=list(BROKERS))
async def broker(request: pytest.FixtureRequest) -> AsyncIterator[Broker]:
    opened = BROKERS[request.param]()
    yield opened
    await opened.close()


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


async def test_messages_arrive_in_order_with_kind_and_body(broker: Broker) -> None:
    taker = await consumer(broker)
    await broker.publish(QUEUE, messages(1, 2))
    await broker.publish(QUEUE, [Message(Kind.TAKEN, b"3")])
    await taker.has(3)
    assert taker.bodies == [1, 2, 3]
    assert [delivery.message.kind for delivery in taker.got] == [Kind.PIECE, Kind.PIECE, Kind.TAKEN]
    assert not any(delivery.redelivered for delivery in taker.got)


async def test_messages_wait_for_a_consumer(broker: Broker) -> None:
    await broker.publish(QUEUE, messages(*range(5)))
    assert await broker.depth(QUEUE) == 5
    taker = await consumer(broker)
    await taker.has(5)
    assert taker.bodies == list(range(5))
    assert await broker.depth(QUEUE) == 0


async def test_queues_do_not_mix(broker: Broker) -> None:
    taker = await consumer(broker)
    await broker.publish(queue_of("ocrd-other"), messages(1))
    await broker.publish(QUEUE, messages(2))
    await taker.has(1)
    await everything_settled(broker)
    assert taker.bodies == [2]
    assert await broker.depth(queue_of("ocrd-other")) == 1


async def test_a_queue_is_never_named_as_a_stock_worker_names_it() -> None:
    assert queue_of("ocrd-dummy") != "ocrd-dummy"


async def test_no_more_than_prefetch_stay_unanswered(broker: Broker) -> None:
    taker = await consumer(broker, prefetch=3)
    await broker.publish(QUEUE, messages(*range(10)))
    await taker.has(3)
    await everything_settled(broker)
    assert taker.bodies == [0, 1, 2]
    assert await broker.depth(QUEUE) == 7
    taker.got[1].acknowledge()
    await taker.has(4)
    await everything_settled(broker)
    assert taker.bodies == [0, 1, 2, 3]
    for delivery in taker.got:
        delivery.acknowledge()
    await taker.has(6)


async def test_what_is_acknowledged_never_comes_again(broker: Broker) -> None:
    first = await consumer(broker)
    await broker.publish(QUEUE, messages(1, 2))
    await first.has(2)
    first.got[0].acknowledge()
    await first.cancel()
    second = await consumer(broker)
    await second.has(1)
    await everything_settled(broker)
    assert second.bodies == [2]


async def test_acknowledging_twice_is_the_same_as_once(broker: Broker) -> None:
    taker = await consumer(broker, prefetch=2)
    await broker.publish(QUEUE, messages(*range(5)))
    await taker.has(2)
    taker.got[0].acknowledge()
    taker.got[0].acknowledge()
    await taker.has(3)
    await everything_settled(broker)
    assert taker.bodies == [0, 1, 2]


async def test_what_is_handed_back_comes_again_and_says_so(broker: Broker) -> None:
    taker = await consumer(broker, prefetch=1)
    await broker.publish(QUEUE, messages(1))
    await taker.has(1)
    taker.got[0].hand_back()
    await taker.has(2)
    assert taker.bodies == [1, 1]
    assert taker.got[1].redelivered
    taker.got[1].acknowledge()
    await everything_settled(broker)
    assert await broker.depth(QUEUE) == 0


async def test_after_one_answer_another_changes_nothing(broker: Broker) -> None:
    taker = await consumer(broker, prefetch=1)
    await broker.publish(QUEUE, messages(1, 2))
    await taker.has(1)
    taker.got[0].acknowledge()
    taker.got[0].hand_back()
    await taker.has(2)
    taker.got[1].hand_back()
    taker.got[1].acknowledge()
    await taker.has(3)
    assert taker.bodies == [1, 2, 2]


async def test_a_cancelled_subscription_gives_back_what_it_had_not_answered(broker: Broker) -> None:
    first = await consumer(broker)
    await broker.publish(QUEUE, messages(*range(4)))
    await first.has(4)
    first.got[2].acknowledge()
    await first.cancel()
    second = await consumer(broker)
    await second.has(3)
    assert sorted(second.bodies) == [0, 1, 3]
    assert all(delivery.redelivered for delivery in second.got)


async def test_what_comes_back_comes_before_what_is_new(broker: Broker) -> None:
    first = await consumer(broker, prefetch=2)
    await broker.publish(QUEUE, messages(*range(4)))
    await first.has(2)
    await first.cancel()
    second = await consumer(broker)
    await second.has(4)
    assert second.bodies == [0, 1, 2, 3]
    assert [delivery.redelivered for delivery in second.got] == [True, True, False, False]


async def test_a_cancelled_subscription_gets_nothing_more(broker: Broker) -> None:
    first = await consumer(broker)
    await broker.publish(QUEUE, messages(1))
    await first.has(1)
    await first.cancel()
    await broker.publish(QUEUE, messages(2))
    await everything_settled(broker)
    assert first.bodies == [1]
    assert await broker.depth(QUEUE) == 2


async def test_answers_after_the_subscription_was_cancelled_change_nothing(broker: Broker) -> None:
    first = await consumer(broker)
    await broker.publish(QUEUE, messages(1, 2))
    await first.has(2)
    await first.cancel()
    first.got[0].acknowledge()
    first.got[1].hand_back()
    second = await consumer(broker)
    await second.has(2)
    await everything_settled(broker)
    assert sorted(second.bodies) == [1, 2]


async def test_cancelling_twice_is_the_same_as_once(broker: Broker) -> None:
    first = await consumer(broker)
    await broker.publish(QUEUE, messages(1))
    await first.has(1)
    await first.cancel()
    await first.cancel()
    second = await consumer(broker)
    await second.has(1)
    await everything_settled(broker)
    assert second.bodies == [1]


async def test_each_message_goes_to_one_of_several_consumers(broker: Broker) -> None:
    takers = [await consumer(broker, prefetch=4) for _ in range(3)]
    await broker.publish(QUEUE, messages(*range(12)))
    for taker in takers:
        await taker.has(4)
    assert sorted(number for taker in takers for number in taker.bodies) == list(range(12))


async def test_a_consumer_that_is_full_leaves_work_to_others(broker: Broker) -> None:
    slow = await consumer(broker, prefetch=1)
    await broker.publish(QUEUE, messages(1))
    await slow.has(1)
    fast = await consumer(broker, prefetch=1)
    await broker.publish(QUEUE, messages(*range(2, 12)))
    for count in range(1, 11):
        await fast.has(count)
        fast.got[-1].acknowledge()
    assert slow.bodies == [1]
    assert fast.bodies == list(range(2, 12))


async def test_a_consumer_may_answer_and_publish_while_it_receives(broker: Broker) -> None:
    seen: list[int] = []
    all_there = asyncio.Event()
    publishing: list[asyncio.Task[None]] = []

    def receive(deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            number = int(delivery.message.body)
            seen.append(number)
            delivery.acknowledge()
            if number < 20:
                publishing.append(asyncio.get_running_loop().create_task(broker.publish(QUEUE, messages(number + 1))))
            else:
                all_there.set()

    subscription = await broker.consume(QUEUE, 1, receive)
    await broker.publish(QUEUE, messages(0))
    async with asyncio.timeout(20):
        await all_there.wait()
    assert seen == list(range(21))
    await asyncio.gather(*publishing)
    await subscription.cancel()


async def test_a_broker_that_is_closed_delivers_nothing_more(broker: Broker) -> None:
    taker = await consumer(broker, prefetch=1)
    await broker.publish(QUEUE, messages(1, 2))
    await taker.has(1)
    taker.got[0].acknowledge()
    await broker.close()
    for _ in range(5):
        await asyncio.sleep(0)
    assert taker.bodies == [1]
