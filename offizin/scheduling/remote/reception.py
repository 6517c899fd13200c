"""Where new workers introduce themselves; any server may answer."""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec

from offizin.background import Background
from offizin.brokers.broker import HELLO, Broker, Delivery, Subscription
from offizin.clock import Clock
from offizin.errors import Unavailable
from offizin.messages import Hello, ServerName, Welcome
from offizin.scheduling.remote.orders import Orders
from offizin.scheduling.remote.registered import put_tools
from offizin.scheduling.remote.sessions import Sessions
from offizin.store import holders, servers
from offizin.store.transaction import Database, Transaction

log = logging.getLogger(__name__)

AT_ONCE = 32


class Reception:
    """``lease`` and ``heartbeat`` in seconds; ``arrived`` is called with the processors of a new worker."""

    def __init__(
        self,
        broker: Broker,
        database: Database,
        sessions: Sessions,
        orders: Orders,
        clock: Clock,
        *,
        lease: float,
        heartbeat: float,
        arrived: Callable[[set[str]], None],
    ) -> None:
        self._broker = broker
        self._database = database
        self._sessions = sessions
        self._orders = orders
        self._clock = clock
        self._lease = lease
        self._heartbeat = heartbeat
        self._arrived = arrived
        self._subscription: Subscription | None = None
        self._background = Background()

    async def start(self) -> None:
        self._subscription = await self._broker.consume(HELLO, AT_ONCE, self._receive)

    async def stop(self) -> None:
        if self._subscription is not None:
            await self._subscription.cancel()
        await self._background.cancel()

    def _receive(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            self._background.spawn(self._greet(delivery))

    async def _greet(self, delivery: Delivery) -> None:
        """A worker that gets no answer introduces itself again, so nothing is kept of what goes wrong here."""
        try:
            hello = msgspec.json.decode(delivery.message.body, type=Hello)
        except msgspec.DecodeError as error:
            log.error("an introduction cannot be read: %s", error)
            delivery.refuse()
            return
        now = self._clock.now()

        def write(tx: Transaction) -> list[str]:
            # In one transaction, so that a server that starts meanwhile sees the worker, or is seen here.
            holders.add_session(tx, hello.session, hello.host, hello.pid, hello.processors, now)
            put_tools(tx, hello.tools)
            return [row.name for row in servers.all_of_them(tx) if not row.has_left]

        try:
            names = await self._database.write(write, synced=True)
        except Unavailable as error:
            log.error("a worker cannot be welcomed now: %s", error)
            delivery.acknowledge()
            return
        others = [ServerName(name, 0) for name in names if name != self._sessions.server]
        this = ServerName(self._sessions.server, self._sessions.generation)
        if hello.session not in self._sessions.living:
            log.info("a worker on %s (pid %d) has %s", hello.host, hello.pid, ", ".join(sorted(hello.processors)))
        is_paused, without = self._sessions.wanted(hello.host)
        welcome = Welcome([this, *others], self._heartbeat, self._lease, is_paused, sorted(without))
        self._orders.give(hello.session, welcome)
        self._sessions.expect(hello.session, hello.host, hello.pid, hello.processors)
        delivery.acknowledge()
        self._arrived(set(hello.processors))
