"""Workers of the reference for this server, where its configuration has what they need: RabbitMQ and MongoDB.

Imported only then: it needs the packages of the extras ``cluster`` and ``mongodb``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from pathlib import Path
from urllib.parse import quote

import msgspec

from offizin.brokers.amqp_url import AmqpUrl
from offizin.brokers.broker import Broker
from offizin.brokers.rabbitmq.plain_queues import PlainQueues
from offizin.clock import Clock
from offizin.errors import ProcessorUnknown, Unavailable
from offizin.home import Home
from offizin.messages import Handshake, Tool
from offizin.processors.discovery import Discovery
from offizin.processors.tool_cache import Fingerprint
from offizin.processors.tool_description import UNKNOWN
from offizin.scheduling.arriving_logs import ArrivingLogs
from offizin.scheduling.dispatch import Dispatcher
from offizin.scheduling.mets_servers import MetsServers
from offizin.scheduling.stock_attempts import LogsInPlace, StockAttempts
from offizin.settings import Settings
from offizin.settings.reference_config import Service
from offizin.stock_workers.documents import Documents
from offizin.stock_workers.stock_processor import HOST, StockTool
from offizin.stock_workers.stock_workers import StockWorkers
from offizin.store import pauses, tool_descriptions
from offizin.store.pauses import PauseKind
from offizin.store.transaction import Database, Transaction
from offizin.upkeep.pauses import Pauses

log = logging.getLogger(__name__)

# What a pause says that is ours to end.
AWAY = "MongoDB cannot be used: "


def mongodb_url(database: Service) -> tuple[str, str]:
    """For the driver, and to be shown (ocrd_network/runtime_data/network_services.py DataMongoDB)."""
    place = f"{database.address}:{database.port}"
    login = database.credentials
    if login is None:
        return f"mongodb://{place}", f"mongodb://{place}"
    user = quote(login.username, safe="")
    return f"mongodb://{user}:{quote(login.password, safe='')}@{place}", f"mongodb://{user}@{place}"


def reference_workers(
    settings: Settings,
    home: Home,
    database: Database,
    pauses: Pauses,
    clock: Clock,
    *,
    discovery: Discovery,
    dispatcher: Dispatcher,
    servers: MetsServers,
    logs: ArrivingLogs,
    broker: Broker,
    server: str,
    url: Callable[[Path], str],
) -> StockWorkers:
    """``server`` is our name; ``url`` gives the URL of the METS server for the workspace with this METS."""
    queue, mongodb = settings.reference.process_queue, settings.reference.database
    assert queue is not None
    assert mongodb is not None
    surroundings = Surroundings(database, discovery, pauses, clock)
    return StockWorkers(
        PlainQueues.open(AmqpUrl.of_process_queue(queue), clock, f"Offizin server {server}, queues of the reference"),
        Documents(*mongodb_url(mongodb), clock), StockAttempts(dispatcher, servers, url), broker, clock,
        LogsInPlace(logs), server=server, directory=home.path / "reference-workers", names=surroundings.names,
        describe=surroundings.describe, mongodb_away=surroundings.mongodb_away,
    )  # fmt: skip


class Surroundings:
    """What is known on this machine of what workers of the reference have, and what users are told of them."""

    def __init__(self, database: Database, discovery: Discovery, pauses: Pauses, clock: Clock) -> None:
        self._database = database
        self._discovery = discovery
        self._pauses = pauses
        self._clock = clock

    async def names(self) -> Collection[str]:
        """What is installed here, and whatever any worker has ever described."""
        described = await self._database.read(tool_descriptions.names)
        return {*self._discovery.names(), *described}

    async def describe(self, name: str) -> StockTool:
        """From the program on this machine; or else from what a worker of ours has said; or else it takes anything."""
        try:
            description = await self._discovery.describe(name)
            version = await self._discovery.version(name)
        except ProcessorUnknown:
            known = await self._database.read(lambda tx: tool_descriptions.get(tx, name))
            if known is not None:
                return StockTool(Handshake(name, known.version), None)
            log.warning("%s is not installed here: parameters for its workers are not checked", name)
            return StockTool(Handshake(name), Tool(name, "unknown", "", _anything(name)))
        tool = msgspec.Raw(msgspec.json.encode(dict(description.tool)))
        handshake = Handshake(name, version, step=next(iter(description.steps), ""))
        return StockTool(handshake, Tool(name, repr(Fingerprint.of(description.executable)), version, tool))

    async def mongodb_away(self, why: Unavailable | None) -> None:
        now = self._clock.now()

        def write(tx: Transaction) -> None:
            if why is not None:
                pauses.add(tx, PauseKind.HOST, HOST, now, message=AWAY + why.message)
            elif any(row.name == HOST and row.message.startswith(AWAY) for row in pauses.all_of_them(tx)):
                pauses.remove(tx, PauseKind.HOST, HOST)

        await self._database.write(write, synced=True)
        await self._pauses.look_at_last()
        if why is not None:
            log.error("workers of the reference get nothing new: %s", why)


def _anything(name: str) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode({"executable": name, "parameters": {}, UNKNOWN: True}))
