"""Telling other servers on the same PostgreSQL that there is something new, and hearing it from them (LISTEN, NOTIFY).

News are only a hint to look into the database: what they are about is committed there. So they are told beside the
transactions, and many at once, which keeps their cost off the hot path; and where they may have been missed, because a
connection was lost, there is a look more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from offizin.clock import Clock
from offizin.errors import Unavailable
from offizin.store.postgresql_connection import KeptConnection

log = logging.getLogger(__name__)

CHANNEL = "offizin"
# News of so long, in seconds, are told together.
REST = 0.02
# Before another try when the database cannot be reached, in seconds.
PAUSE = 1.0


class PostgresqlNews:
    """A service. ``new`` is set when there is something to tell, and cleared here; nothing is told as long as
    ``others`` says that nobody would hear it. ``heard`` is called when somebody else has told something."""

    def __init__(
        self,
        connection: KeptConnection,
        clock: Clock,
        new: asyncio.Event,
        *,
        others: Callable[[], bool],
        heard: Callable[[], None],
    ) -> None:
        self._kept = connection
        self._clock = clock
        self._new = new
        self._others = others
        self._heard = heard
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="news")

    async def stop(self) -> None:
        """What is new by now is told."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
            if self._new.is_set() and self._others():
                try:
                    await self._notify()
                except Exception as error:
                    log.warning("other servers do not hear the last news: %s", error)
        await self._kept.close()

    async def _run(self) -> None:
        while True:
            lost = asyncio.Event()
            try:
                await self._listen(lost)
                self._heard()  # who was not there has perhaps missed something
                await self._tell_until(lost)
            except Exception as error:
                if not isinstance(error, Unavailable) and not await self._kept.is_lost(error):
                    log.exception("news of other servers are not heard for a while")
            await self._kept.drop()
            await self._clock.sleep(PAUSE)

    async def _listen(self, lost: asyncio.Event) -> None:
        await self._kept.get()
        driver = self._kept.driver

        def told(_connection: object, by: int, _channel: str, _payload: str) -> None:
            if by != driver.get_server_pid():
                self._heard()

        await driver.add_listener(CHANNEL, told)
        driver.add_termination_listener(lambda _: lost.set())

    async def _tell_until(self, lost: asyncio.Event) -> None:
        ending = asyncio.ensure_future(lost.wait())
        try:
            while not lost.is_set():
                coming = asyncio.ensure_future(self._new.wait())
                try:
                    await asyncio.wait({coming, ending}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    coming.cancel()
                if self._new.is_set():
                    self._new.clear()
                    if self._others():
                        await self._notify()
                    await self._clock.sleep(REST)
        finally:
            ending.cancel()

    async def _notify(self) -> None:
        await self._kept.get()
        await self._kept.driver.execute(f"NOTIFY {CHANNEL}")
