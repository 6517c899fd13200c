"""How a server measures silence."""

from __future__ import annotations

import asyncio
import logging

from offizin.brokers.broker import Broker, Kind, Message, results_of
from offizin.clock import Clock
from offizin.errors import Unavailable
from offizin.messages import Tick, encode
from offizin.scheduling.remote.sessions import Sessions

log = logging.getLogger(__name__)


class Ticks:
    """Tells ourselves through our own queue how late it is: whoever has not been heard before that has been silent."""

    def __init__(self, broker: Broker, sessions: Sessions, clock: Clock, every: float) -> None:
        self._broker = broker
        self._sessions = sessions
        self._clock = clock
        self._every = every
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="ticks")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        queue = results_of(self._sessions.server)
        while True:
            tick = Tick(self._sessions.generation, self._clock.monotonic())
            try:
                await self._broker.publish(queue, [Message(Kind.TICK, encode(tick))])
            except Unavailable as error:
                log.warning("silence of workers is not looked after now: %s", error)
            await self._clock.sleep(self._every)
