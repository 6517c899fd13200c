"""What of Offizin reaches outside: the database, the queue, and whoever works; by the settings, or as a simulation has
it."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from offizin.brokers.amqp_url import AmqpUrl
from offizin.brokers.broker import Broker
from offizin.brokers.in_process import InProcessBroker
from offizin.clock import Clock
from offizin.home import Home
from offizin.processors.discovery import Discovery
from offizin.processors.surroundings import search_path
from offizin.scheduling.embedded import EmbeddedWorkforce
from offizin.scheduling.lanes import ReadMets, SaveMets, read
from offizin.scheduling.remote.workforce import RemoteWorkforce
from offizin.scheduling.workforce import Workforce
from offizin.settings import Settings, SyncMode
from offizin.store.servers import ServerIdentity
from offizin.store.transaction import Database, SqliteDatabase
from offizin.workers.runner import Runner
from offizin.workers.runner_process import RunnerProcess

Connect = Callable[[Callable[[], None]], Awaitable[Broker]]


def _discovery(settings: Settings, home: Home, clock: Clock) -> Discovery:
    return Discovery(settings.processor_directories, home.tool_cache, search_path(os.environ), clock=clock)


@dataclass(frozen=True)
class Parts:
    """What is something else in the simulation. ``database``: None for that of the settings."""

    database: Callable[[Path, SyncMode], Awaitable[Database]] | None = None
    broker: Callable[[], Broker] = InProcessBroker
    connect: Connect | None = None  # to a queue with workers behind it
    discovery: Callable[[Settings, Home, Clock], Discovery] = _discovery
    start_runner: Callable[..., Awaitable[Runner]] = RunnerProcess.start
    read_mets: ReadMets = read
    save_mets: SaveMets | None = None  # None for the file
    transport: httpx.AsyncBaseTransport | None = None  # of callbacks


async def open_database(parts: Parts, settings: Settings, home: Home, clock: Clock) -> Database:
    """Raises Unavailable."""
    if parts.database is not None:
        return await parts.database(home.database, settings.sync)
    if settings.store is None:
        return await SqliteDatabase.open(home.database, settings.sync)
    from offizin.store.postgresql import PostgresqlDatabase  # only a cluster has its packages

    return await PostgresqlDatabase.open(settings.store.url, settings.sync, clock)


async def employ(
    parts: Parts, settings: Settings, home: Home, clock: Clock, server: ServerIdentity, database: Database
) -> Workforce:
    """Slots of our own; or, where there is a queue in the network, workers that come to it. Raises Unavailable."""
    connect = parts.connect or _to_rabbitmq(settings, clock, server)
    if connect is None:
        discovery = parts.discovery(settings, home, clock)
        return await EmbeddedWorkforce.employ(parts.broker(), discovery, settings, home, clock, parts.start_runner)
    return await RemoteWorkforce.await_them(server, database, clock, settings.worker_lease, connect)


def _to_rabbitmq(settings: Settings, clock: Clock, server: ServerIdentity) -> Connect | None:
    if settings.reference.process_queue is None:
        return None
    from offizin.brokers.rabbitmq import RabbitMqBroker  # only a cluster has its packages

    url = AmqpUrl.of_process_queue(settings.reference.process_queue)
    name = f"Offizin server {server.name}"
    return lambda again: RabbitMqBroker.open(url, clock, name=name, again=again)
