"""A worker on its own, on any host that sees the workspaces' files: one session after another."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence

from offizin.brokers.broker import Broker
from offizin.clock import Clock
from offizin.errors import Unavailable
from offizin.messages import Tool
from offizin.workers.membership import Membership
from offizin.workers.pool import WorkerPool
from offizin.workers.session import WorkerSession

log = logging.getLogger(__name__)

# Before another try to begin a session when the broker cannot be reached, in seconds.
PAUSE = 2.0


async def _nothing() -> None:
    pass


class Worker:
    """``host`` is what its machine is called; ``processors``: slots by name; ``pool`` makes a new pool of slots for
    each session; ``grace``: seconds that what runs may take when the worker is stopped; ``beginning`` is called before
    each session."""

    def __init__(
        self,
        broker: Broker,
        clock: Clock,
        host: str,
        processors: Mapping[str, int],
        tools: Sequence[Tool],
        pool: Callable[[Membership], WorkerPool],
        grace: float,
        beginning: Callable[[], Awaitable[None]] = _nothing,
    ) -> None:
        self.stopping = asyncio.Event()
        self.session: WorkerSession | None = None
        self.sessions = 0  # that were begun
        self._broker = broker
        self._clock = clock
        self._host = host
        self._processors = processors
        self._tools = tools
        self._pool = pool
        self._grace = grace
        self._beginning = beginning

    async def run(self) -> None:
        """Until ``stopping`` is set. A session that was lost is followed by a new one."""
        while not self.stopping.is_set():
            await self._beginning()
            session = WorkerSession(self._broker, self._clock, self._host, os.getpid(), self._processors, self._tools)
            self.session = session
            self.sessions += 1
            try:
                await self._unless_stopped(self._live(session))
            except Unavailable as error:
                log.warning("%s; another try in %g s", error, PAUSE)
                await self._unless_stopped(self._clock.sleep(PAUSE))
            finally:
                await session.end(self._grace)

    async def _live(self, session: WorkerSession) -> None:
        await session.begin(self._pool)
        log.info("this worker is session %s", session.id)
        await session.lost.wait()

    async def _unless_stopped(self, work: Coroutine[None, None, None]) -> None:
        """Until that is done, or the worker is to stop: then it is left where it is."""
        working, stopping = asyncio.create_task(work), asyncio.create_task(self.stopping.wait())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            stopping.cancel()
            working.result()
        else:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
