"""What every broker does. One suite for every implementation."""

from __future__ import annotations

import asyncio

from offizin.brokers.broker import DEAD_LETTERS, Broker, Delivery, Kind, Message, queue_of
from tests.conformance.broker.consumers import MANY, QUEUE, consumer, everything_settled, messages


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


async def test_what_was_published_before_says_so(broker: Broker) -> None:
    taker = await consumer(broker)
    await broker.publish(QUEUE, [Message(Kind.PIECE, b"1", again=True), Message(Kind.PIECE, b"2")])
    await taker.has(2)
    assert [delivery.redelivered for delivery in taker.got] == [True, False]


async def test_what_nobody_can_read_goes_to_the_dead_letters_and_stops_nobody(broker: Broker) -> None:
    taker = await consumer(broker, prefetch=1)
    await broker.publish(QUEUE, messages(1, 2))
    await taker.has(1)
    taker.got[0].refuse()
    taker.got[0].refuse()
    taker.got[0].hand_back()
    await taker.has(2)
    await taker.cancel()
    await everything_settled(broker)
    assert taker.bodies == [1, 2]
    assert await broker.depth(QUEUE) == 1
    assert await broker.depth(DEAD_LETTERS) == 1


async def test_a_delivery_is_lost_when_its_subscription_ends_before_an_answer(broker: Broker) -> None:
    taker = await consumer(broker)
    await broker.publish(QUEUE, messages(1, 2, 3))
    await taker.has(3)
    taker.got[0].acknowledge()
    taker.got[1].hand_back()
    assert not any(delivery.lost for delivery in taker.got)
    await taker.cancel()
    assert [delivery.lost for delivery in taker.got[:3]] == [False, False, True]


async def test_answers_in_any_order_count_each_for_its_own_message(broker: Broker) -> None:
    taker = await consumer(broker)
    await broker.publish(QUEUE, messages(*range(10)))
    await taker.has(10)
    for number in (4, 0, 2, 1, 8):
        taker.got[number].acknowledge()
    await taker.cancel()
    other = await consumer(broker, MANY)
    await other.has(5)
    await everything_settled(broker)
    assert sorted(other.bodies) == [3, 5, 6, 7, 9]
