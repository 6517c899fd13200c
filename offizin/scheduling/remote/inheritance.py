"""The result queues of servers that are no more and whose work is ours now: what workers still say there is for us."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from offizin.brokers.broker import Broker, Kind, Message, Subscription, results_of
from offizin.clock import Clock
from offizin.errors import Unavailable
from offizin.messages import Mark, ServerName, encode
from offizin.scheduling.remote.sessions import Sessions
from offizin.store import servers
from offizin.store.servers import ServerIdentity, ServerRow
from offizin.store.transaction import Database

log = logging.getLogger(__name__)

# A mark that was lost with the broker is sent again after so many seconds.
MARK_AGAIN = 5.0


class Inheritance:
    """``listen`` takes a queue's results in, as those of our own."""

    def __init__(
        self,
        server: ServerIdentity,
        database: Database,
        broker: Broker,
        sessions: Sessions,
        clock: Clock,
        listen: Callable[[str], Awaitable[Subscription]],
    ) -> None:
        self._server = server
        self._database = database
        self._broker = broker
        self._sessions = sessions
        self._clock = clock
        self._listen = listen
        self._queues: dict[str, Subscription] = {}
        self._marks: dict[str, asyncio.Event] = {}

    async def look(self) -> None:
        """Listen to the queues of all whose work we have, and no more to that of one that has started again.
        Raises Unavailable."""
        dead = {row.name: row for row in await self._database.read(servers.all_of_them) if self._is_ours(row)}
        self._sessions.dead_servers = [ServerName(name, row.incarnation << 20) for name, row in dead.items()]
        for name in dead.keys() - self._queues.keys():
            self._queues[name] = await self._listen(results_of(name))
        for name in self._queues.keys() - dead.keys():
            await self._queues.pop(name).cancel()

    async def drained(self) -> None:
        """Until all is taken in that is in these queues now."""
        for name in list(self._queues):
            await self._reach(results_of(name))

    def marked(self, mark: Mark) -> None:
        event = self._marks.get(mark.id)
        if event is not None:
            event.set()

    async def stop(self) -> None:
        for subscription in self._queues.values():
            await subscription.cancel()

    def _is_ours(self, row: ServerRow) -> bool:
        return row.heir == self._server.seq and row.seq != self._server.seq

    async def _reach(self, queue: str) -> None:
        mark = Mark(self._clock.new_id())
        reached = self._marks[mark.id] = asyncio.Event()
        while not reached.is_set():
            try:
                await self._broker.publish(queue, [Message(Kind.MARK, encode(mark))])
            except Unavailable as error:
                log.warning("%s cannot be emptied now: %s", queue, error)
            waiting = asyncio.ensure_future(reached.wait())
            pausing = asyncio.ensure_future(self._clock.sleep(MARK_AGAIN))
            await asyncio.wait({waiting, pausing}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            pausing.cancel()
        del self._marks[mark.id]
