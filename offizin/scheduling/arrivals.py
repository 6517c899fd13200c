"""What workers have said, on its way to be taken in: gathered, in groups, and answered once it is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from offizin.brokers.broker import Broker, Delivery, Kind, Subscription
from offizin.clock import Clock
from offizin.errors import Unavailable

log = logging.getLogger(__name__)

# While many pieces are out, so many seconds lie between two transactions, so that results share them.
GATHER = 0.012

# Before another try when the database cannot be used, in seconds.
PAUSE = 1.0

# What workers and servers say of themselves.
OF_THEMSELVES = (Kind.HEARTBEAT, Kind.GOODBYE, Kind.TICK)

# A group stays small enough that its transaction does not hold up others.
MOST_IN_GROUP = 256


class Arrivals:
    """``busy``: so much is out that nobody has to wait for what comes of a result. ``take`` takes a group in, whole
    (raises Unavailable when all of it can be tried once more); ``give_up`` is told of one that cannot be taken in at
    all, and why."""

    def __init__(
        self,
        broker: Broker,
        clock: Clock,
        queue: str,
        *,
        busy: Callable[[], bool],
        take: Callable[[Sequence[Delivery]], Awaitable[None]],
        give_up: Callable[[Delivery, Exception], Awaitable[None]],
    ) -> None:
        self._broker = broker
        self._clock = clock
        self._queue = queue
        self._busy = busy
        self._take = take
        self._give_up = give_up
        self._arrived: list[Delivery] = []
        self._last_group = 0.0  # when the last group was begun
        self._stopping = False
        self._wakened = asyncio.Event()
        self._subscription: Subscription | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Raises Unavailable."""
        self._subscription = await self.listen(self._queue)
        self._task = asyncio.create_task(self._run(), name="completion")

    async def stop(self) -> None:
        """Take in what has arrived, then no more."""
        self._stopping = True
        self._wakened.set()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        if self._subscription is not None:
            await self._subscription.cancel()

    async def listen(self, queue: str) -> Subscription:
        """Take in what comes by this queue, too. Raises Unavailable."""
        receive = self._receive if queue == self._queue else self._receive_of_another
        return await self._broker.consume(queue, 100_000, receive)

    def _receive(self, deliveries: list[Delivery]) -> None:
        self._arrived.extend(deliveries)
        self._wakened.set()

    def _receive_of_another(self, deliveries: list[Delivery]) -> None:
        """What workers say of themselves they say to each server in its own queue, and answer its own questions."""
        for delivery in deliveries:
            if delivery.message.kind in OF_THEMSELVES:
                delivery.acknowledge()
        self._receive([each for each in deliveries if each.message.kind not in OF_THEMSELVES])

    async def _run(self) -> None:
        while not self._stopping:
            await self._wakened.wait()
            self._wakened.clear()
            await self._take_all()

    async def _take_all(self) -> None:
        while self._arrived:
            await self._gather()
            group, self._arrived = self._arrived[:MOST_IN_GROUP], self._arrived[MOST_IN_GROUP:]
            try:
                await self._take_somehow(group)
            except Unavailable as error:
                log.error("%d results cannot be taken in now: %s", len(group), error)
                self._arrived = group + self._arrived
                if self._stopping:
                    return  # what they say is done again
                await self._clock.sleep(PAUSE)
                continue
            for delivery in group:
                delivery.acknowledge()

    async def _gather(self) -> None:
        """Let results come together, as long as nobody waits for them."""
        now = self._clock.monotonic()
        if self._busy() and not self._stopping:
            await self._clock.sleep(max(0.0, self._last_group + GATHER - now))
        self._last_group = self._clock.monotonic()

    async def _take_somehow(self, group: Sequence[Delivery]) -> None:
        """As one, or else each by itself. A result that cannot be taken in fails its piece, and stops nobody else.
        Raises Unavailable when it is the database that does not work; then all can be tried once more."""
        try:
            await self._take(group)
        except Unavailable:
            raise
        except Exception as error:
            if len(group) > 1:
                log.exception("a group of %d results could not be taken in; each is tried by itself", len(group))
                for delivery in group:
                    await self._take_somehow([delivery])
            else:
                log.exception("a result could not be taken in")
                await self._give_up(group[0], error)
