"""A subscription that outlives its channels."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from offizin.brokers.broker import Delivery
from offizin.brokers.rabbitmq.cancellation import Cancellation
from offizin.brokers.rabbitmq.feed import Feed
from offizin.brokers.rabbitmq.link import Link
from offizin.brokers.rabbitmq.session import Session
from offizin.brokers.rabbitmq.troubles import LOST
from offizin.errors import Unavailable

log = logging.getLogger(__name__)


class RabbitMqSubscription:
    def __init__(self, link: Link, queue: str, prefetch: int, deliver: Callable[[list[Delivery]], None]) -> None:
        self.established = asyncio.Event()
        self._link = link
        self._queue = queue
        self._prefetch = prefetch
        self._deliver = deliver
        self._feed: Feed | None = None
        self._keeper = asyncio.create_task(self._keep(), name=f"subscription to {queue}")

    async def cancel(self) -> None:
        self._keeper.cancel()
        await asyncio.gather(self._keeper, return_exceptions=True)
        feed, self._feed = self._feed, None
        if feed is not None:
            await feed.close()

    async def _keep(self) -> None:
        failures, cancellation = 0, Cancellation()
        while True:
            session = await self._link.session()
            feed = self._feed = Feed(self._deliver)
            try:
                await feed.open(session, self._queue, self._prefetch)
            except (*LOST, Unavailable) as error:
                cancellation.heed()
                log.warning("queue %s gives nothing now: %s", self._queue, error)
                failures += 1
            else:
                failures = 0
                self.established.set()
                await feed.ended.wait()
                log.warning("queue %s gives nothing any more; what was not answered comes again", self._queue)
            await self._end(session, feed)
            await self._link.pause(failures)

    async def _end(self, session: Session, feed: Feed) -> None:
        """The queue may be gone, with the connection or without."""
        session.forget(self._queue)
        await feed.close()
