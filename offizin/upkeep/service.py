"""One life cycle for everything that runs by the clock."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from offizin.clock import Clock

log = logging.getLogger(__name__)


class Service(Protocol):
    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class Periodic:
    """Calls ``work`` until it is stopped: after the number of seconds that it answered, or when it is woken.

    Subclasses define ``work``; None means to sleep until woken. An exception is logged and tried again after a minute.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wakened = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def work(self) -> float | None:
        raise NotImplementedError

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=type(self).__name__)

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def wake(self) -> None:
        self._wakened.set()

    async def _run(self) -> None:
        while True:
            self._wakened.clear()
            try:
                pause = await self.work()
            except Exception:
                log.exception("%s failed; it goes on in a minute", type(self).__name__)
                pause = 60.0
            waiting = asyncio.ensure_future(self._wakened.wait())
            pausing = None if pause is None else asyncio.ensure_future(self._clock.sleep(pause))
            both = [waiting] if pausing is None else [waiting, pausing]
            try:
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for future in both:
                    future.cancel()
