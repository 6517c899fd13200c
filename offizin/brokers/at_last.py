"""Publishing that does not give up: for what somebody waits for, and nobody else will say."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from offizin.brokers.broker import Broker, Message
from offizin.clock import Clock
from offizin.errors import Unavailable

log = logging.getLogger(__name__)

# Before another try, in seconds.
PAUSE = 1.0


async def publish_at_last(broker: Broker, clock: Clock, queue: str, messages: Sequence[Message]) -> None:
    """As ``broker.publish``, but when the broker cannot be reached it is tried again until it can. It may have some of
    them already, so then they say that they come again."""
    while True:
        try:
            await broker.publish(queue, messages)
            return
        except Unavailable as error:
            messages = [replace(message, again=True) for message in messages]
            log.warning("%d messages to %s are sent again in %g s: %s", len(messages), queue, PAUSE, error)
            await clock.sleep(PAUSE)
