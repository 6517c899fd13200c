"""Every test of the contract runs on every broker."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from offizin.brokers.amqp_url import AmqpUrl
from offizin.brokers.broker import Broker
from offizin.brokers.in_process import InProcessBroker
from offizin.brokers.rabbitmq import Backoff, RabbitMqBroker
from offizin.clock import SystemClock
from tests.rabbitmq_server import RabbitMqServer

# Quick, because a test waits for it.
BACKOFF = Backoff(first=0.05, most=0.2)


@pytest.fixture(params=["in process", "RabbitMQ"])
async def broker(request: pytest.FixtureRequest) -> AsyncIterator[Broker]:
    if request.param == "in process":
        opened: Broker = InProcessBroker()
    else:
        # only then a RabbitMQ is started
        server: RabbitMqServer = request.getfixturevalue("rabbitmq_server")
        opened = await RabbitMqBroker.open(AmqpUrl.parse(server.new_url()), SystemClock(), backoff=BACKOFF)
    yield opened
    await opened.close()
