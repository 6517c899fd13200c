"""The connection to RabbitMQ, made again whenever it is lost."""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from offizin.brokers.amqp_url import AmqpUrl
from offizin.brokers.rabbitmq.cancellation import Cancellation
from offizin.brokers.rabbitmq.session import Session
from offizin.brokers.rabbitmq.troubles import unavailable
from offizin.clock import Clock
from offizin.errors import Unavailable

log = logging.getLogger(__name__)

# A connection that held so many seconds was a good one: the next begins without a long wait.
SETTLED = 10.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before another try: from ``first`` to ``most`` seconds, each time twice as long."""

    first: float = 0.1
    most: float = 10.0

    def pause(self, failures: int, chance: float) -> float:
        """After so many failures in a row. ``chance`` from 0 to 1: all that lost one broker shall not come back at one
        moment."""
        longest = min(self.most, self.first * 2.0 ** min(failures, 32))
        return longest * (0.5 + chance / 2)


class Link:
    """``again`` is called each time a connection takes the place of a lost one, before anybody uses it."""

    def __init__(
        self, url: AmqpUrl, clock: Clock, backoff: Backoff, name: str, again: Callable[[], None] = lambda: None
    ) -> None:
        self.url = url
        self._clock = clock
        self._backoff = backoff
        self._name = name
        self._again = again
        self._trouble: BaseException | None = None
        self._closed = False
        self._session: asyncio.Future[Session] = asyncio.get_running_loop().create_future()
        self._keeper = asyncio.create_task(self._keep(), name="RabbitMQ connection")

    async def session(self) -> Session:
        """The one that lives, as soon as there is one. Raises Unavailable once this is closed."""
        if self._closed:
            raise self.unavailable()
        return await asyncio.shield(self._session)

    def unavailable(self) -> Unavailable:
        """Why there is no session, or none that answers."""
        if self._closed:
            return Unavailable(f"the connection to RabbitMQ at {self.url} is closed")
        return unavailable(self.url, self._trouble)

    async def pause(self, failures: int) -> None:
        """Before another try of something."""
        chance = zlib.crc32(self._clock.new_id().encode()) / 2**32
        await self._clock.sleep(self._backoff.pause(failures, chance))

    async def close(self) -> None:
        self._closed = True
        self._keeper.cancel()
        await asyncio.gather(self._keeper, return_exceptions=True)
        if not self._session.done():
            self._session.set_exception(self.unavailable())
            self._session.exception()  # somebody waits, or nobody does
        elif self._session.exception() is None:
            await self._session.result().close()

    async def _keep(self) -> None:
        failures, first, cancellation = 0, True, Cancellation()
        while True:
            try:
                session = await Session.open(self.url, self._name)
            except Exception as error:
                cancellation.heed()
                self._trouble = error
                log.log(logging.WARNING if failures == 0 else logging.DEBUG, "%s", self.unavailable())
                await self.pause(failures)
                failures += 1
                continue
            if self._trouble is not None:
                log.info("RabbitMQ at %s can be used again", self.url)
            self._trouble = None
            began = self._clock.monotonic()
            if not first:
                self._again()
            first = False
            self._session.set_result(session)
            await session.lost.wait()
            self._session = asyncio.get_running_loop().create_future()
            self._trouble = ConnectionError("the connection was lost")
            log.warning("the connection to RabbitMQ at %s was lost", self.url)
            await session.close()
            failures = 0 if self._clock.monotonic() - began > SETTLED else failures + 1
            await self.pause(failures)
