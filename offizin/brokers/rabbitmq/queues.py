"""The queues of ours, as they are declared. Nothing is left to a broker's defaults, which differ between versions."""

from __future__ import annotations

from aiormq.abc import AbstractChannel
from pamqp.common import FieldTable

from offizin.brokers.broker import DEAD_LETTERS, MOST_DEAD_LETTERS, is_control

# So often a message may come back unanswered. Workers answer when they have taken a piece over, so this is reached by
# nothing but a message that ends whoever receives it, or by very many restarts.
DELIVERY_LIMIT = 100


def arguments_of(queue: str) -> FieldTable:
    """https://www.rabbitmq.com/docs/quorum-queues"""
    quorum: FieldTable = {"x-queue-type": "quorum", "x-delivery-limit": DELIVERY_LIMIT}
    if queue == DEAD_LETTERS:
        return quorum | {"x-max-length": MOST_DEAD_LETTERS, "x-overflow": "drop-head"}
    return quorum | {"x-dead-letter-exchange": DEAD_LETTERS, "x-dead-letter-strategy": "at-most-once"}


async def declare(channel: AbstractChannel, queue: str) -> None:
    """Make sure that it exists as described here. Raises aiormq.ChannelPreconditionFailed if it exists otherwise."""
    if is_control(queue):
        # It goes with the connection, and so cannot be a quorum queue.
        await channel.queue_declare(queue, exclusive=True, auto_delete=True)
        return
    await channel.queue_declare(queue, durable=True, arguments=arguments_of(queue))


async def declare_dead_letters(channel: AbstractChannel) -> None:
    """A fan-out exchange, so that a dead letter keeps the name of its queue as routing key."""
    await channel.exchange_declare(DEAD_LETTERS, exchange_type="fanout", durable=True)
    await declare(channel, DEAD_LETTERS)
    await channel.queue_bind(DEAD_LETTERS, DEAD_LETTERS)
