"""Class Offizin: wires everything from Settings and a Clock. No HTTP, no decisions."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

import httpx

from offizin.brokers.broker import Broker
from offizin.brokers.in_process import InProcessBroker
from offizin.clock import Clock, SystemClock
from offizin.errors import Unavailable
from offizin.faults import install_from
from offizin.home import Home
from offizin.mets.index import MetsIndex
from offizin.mets.save import save
from offizin.processors.discovery import Discovery
from offizin.processors.surroundings import runner_environment, search_path
from offizin.processors.tool_cache import Fingerprint
from offizin.scheduling.cancellation import Cancellation
from offizin.scheduling.choosing import Choosing
from offizin.scheduling.completion import Completion
from offizin.scheduling.contexts import Contexts
from offizin.scheduling.dispatch import Dispatcher
from offizin.scheduling.endings import Endings
from offizin.scheduling.lanes import Lanes, ReadMets, SaveMets
from offizin.scheduling.learned import LearnedProcessors
from offizin.scheduling.ownership import Ownership
from offizin.scheduling.priorities import Priorities
from offizin.scheduling.recovery import places_in_flight, recover
from offizin.scheduling.retry_policy import Limits
from offizin.scheduling.retrying import Retrying
from offizin.scheduling.saving import Saving
from offizin.scheduling.sending import Sending
from offizin.scheduling.submission import Submissions
from offizin.settings import Settings, SyncMode
from offizin.store import servers
from offizin.store.servers import ServerIdentity
from offizin.store.transaction import Database, SqliteDatabase
from offizin.timings import Timings
from offizin.upkeep.callbacks import Callbacks
from offizin.upkeep.cleaning import Cleaning
from offizin.upkeep.mets_writer import MetsWriter
from offizin.upkeep.service import Service
from offizin.workers.pool import PoolSettings, WorkerPool
from offizin.workers.process_group import end_leftovers
from offizin.workers.runner_process import RunnerProcess
from offizin.workspaces.unfinished_files import delete_unfinished_files

log = logging.getLogger(__name__)

# What has begun may finish so long when the server is stopped, in seconds.
GRACE = 5.0


class Changes:
    """Wakes everybody who waits for the next change of state."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._end = asyncio.Event()

    def announce(self) -> None:
        self._event.set()
        self._event = asyncio.Event()

    def announce_end(self) -> None:
        """As ``announce``, of a change that nobody should be told late: a run has ended, or the server is to end."""
        self._end.set()
        self._end = asyncio.Event()
        self.announce()

    def upcoming(self) -> asyncio.Event:
        """Is set by the next announcement. Take it before you look, and no change falls between look and wait."""
        return self._event

    def upcoming_end(self) -> asyncio.Event:
        """Is set by the next ``announce_end``."""
        return self._end

    async def wait(self) -> None:
        await self._event.wait()


def _discovery(settings: Settings, home: Home, clock: Clock) -> Discovery:
    return Discovery(settings.processor_directories, home.tool_cache, search_path(os.environ), clock=clock)


@dataclass(frozen=True)
class Parts:
    """What reaches outside, and is something else in the simulation. ``database``: None for that of the settings."""

    database: Callable[[Path, SyncMode], Awaitable[Database]] | None = None
    broker: Callable[[], Broker] = InProcessBroker
    discovery: Callable[[Settings, Home, Clock], Discovery] = _discovery
    start_runner: Callable[..., Awaitable[RunnerProcess]] = RunnerProcess.start
    read_mets: ReadMets = MetsIndex.read
    save_mets: SaveMets = save
    transport: httpx.AsyncBaseTransport | None = None  # of callbacks


class Offizin:
    """Everything that runs workflows, embedded: ``async with Offizin(settings) as offizin``.

    Raises HomeInUse, Unavailable when it starts.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None, parts: Parts | None = None) -> None:
        self.settings = settings
        self._parts = parts or Parts()
        self.clock: Clock = clock or SystemClock()
        self.home = Home(settings.home)
        self.timings = Timings()
        self.changes = Changes()
        self.stopping = asyncio.Event()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.home.take)
        try:
            await self._start()
        except BaseException:
            self.home.release()
            raise
        return self

    def stop(self) -> None:
        """Tell all who wait that the end is near."""
        self.stopping.set()
        self.changes.announce_end()

    async def __aexit__(self, *_: object) -> None:
        self.stop()
        await self.dispatcher.stop()
        await self.pool.close(GRACE)
        for service in reversed(self._services):
            await service.stop()
        now = self.clock.now()
        try:
            await self.database.write(
                lambda tx: recover(tx, self._limits, now, crashed=False, server=self.server.seq), synced=True
            )
        except Unavailable as error:
            log.error("the next start will find what was under way as after a crash: %s", error)
        await self.discovery.close()
        await self.broker.close()
        await self.database.close()
        self.home.release()

    async def _start(self) -> None:
        settings, clock = self.settings, self.clock
        install_from(os.environ.get("OFFIZIN_FAULT"))
        self._limits = limits = Limits(
            own_failures=settings.own_failure_retries, runner_losses=settings.runner_lost_retries
        )
        if left := await asyncio.to_thread(end_leftovers, self.home.runner_logs):
            log.warning("ended %d processes that an earlier server had left", left)
        self.database: Database = await self._open_database()
        self.server = await self._enter()
        server = self.server.seq
        for workspace, file_grps in await self.database.read(lambda tx: places_in_flight(tx, server)):
            await asyncio.to_thread(delete_unfinished_files, workspace, file_grps)
        recovered = await self.database.write(lambda tx: recover(tx, limits, clock.now(), server=server), synced=True)
        if recovered.again or recovered.cancelled or recovered.given_up:
            log.warning(
                "after a crash: %d pieces wait again, %d are cancelled, %d given up",
                recovered.again, recovered.cancelled, recovered.given_up,
            )  # fmt: skip
        self.broker: Broker = self._parts.broker()
        self.discovery = self._parts.discovery(settings, self.home, clock)
        self.learned = LearnedProcessors(self.database, self._fingerprint, clock)
        self.pool = WorkerPool(
            self.broker, self.discovery.executable, self._pool_settings(), clock, self._parts.start_runner
        )
        self.ownership = ownership = Ownership(self.server)
        self.lanes = Lanes(self.database, ownership, read=self._parts.read_mets, save=self._parts.save_mets)
        contexts = Contexts()
        choosing = Choosing(contexts, self.learned, clock, limits, self._slots, server)
        sending = Sending(
            self.broker, self.lanes, self.learned, clock,
            home=self.home.path, serve=self.pool.serve, time_limit=settings.time_limit,
        )  # fmt: skip
        self.dispatcher = Dispatcher(
            self.database, choosing, sending, clock, self.timings,
            server=server, slots=self._slots, serve=self.pool.serve, learn=self.pool.learn,
        )  # fmt: skip
        changed: Callable[[], None] = self.changes.announce
        wake, virtual_time = self.dispatcher.wake, choosing.virtual_times.now
        self.saving = Saving(self.database, self.lanes, clock, self.timings)
        self.callbacks = Callbacks(self.database, clock, server, self._parts.transport)
        self.endings = Endings(
            self.database, self.lanes, self.saving, self.learned, clock,
            server=server, changed=self.changes.announce_end, called_back=self.callbacks.wake,
        )  # fmt: skip
        run_over = self.endings.run_over
        self.completion = Completion(
            self.database, self.broker, self.dispatcher, choosing, self.learned, clock, self.timings, limits,
            run_over=run_over, end_work=self.pool.cancel, changed=changed,
        )  # fmt: skip
        self.submissions = Submissions(
            self.database, ownership, self.lanes, contexts, self.discovery, self.dispatcher, choosing, clock,
            self.timings, ended=run_over, changed=changed,
        )  # fmt: skip
        self.cancellation = Cancellation(
            self.database, ownership, clock, end_work=self.pool.cancel, wake=wake, run_over=run_over, changed=changed
        )
        self.retrying = Retrying(
            self.database, ownership, self.lanes, clock,
            virtual_time=virtual_time, wake=wake, run_over=run_over, changed=changed,
        )  # fmt: skip
        self.priorities = Priorities(self.database, ownership, virtual_time=virtual_time, wake=wake)
        self._services: list[Service] = [
            self.learned,
            self.endings,
            self.callbacks,
            MetsWriter(self.database, self.saving, clock, settings.save_interval, server),
            Cleaning(self.database, clock),
            self.completion,
            self.dispatcher,
        ]
        for service in self._services:
            await service.start()

    async def _open_database(self) -> Database:
        settings = self.settings
        if self._parts.database is not None:
            return await self._parts.database(self.home.database, settings.sync)
        if settings.store is None:
            return await SqliteDatabase.open(self.home.database, settings.sync)
        from offizin.store.postgresql import PostgresqlDatabase  # only a cluster has its packages

        return await PostgresqlDatabase.open(settings.store.url, settings.sync, self.clock)

    async def _enter(self) -> ServerIdentity:
        """Who this server is from now on. Another process that still acts under its name is fenced off."""
        name = await asyncio.to_thread(self.home.server_name, self.clock.new_id)
        now, alone = self.clock.now(), not self.database.shared
        row = await self.database.write(lambda tx: servers.enter(tx, name, "", now, alone=alone))
        return row.identity

    def _fingerprint(self, processor: str) -> str:
        return repr(Fingerprint.of(self.discovery.executable(processor)))

    def _slots(self, processor: str) -> int:
        return min(self.settings.slots, self.settings.slots_per_processor.get(processor, self.settings.slots))

    def _pool_settings(self) -> PoolSettings:
        settings = self.settings
        return PoolSettings(
            slots=settings.slots,
            runners=settings.max_runners,
            slots_per_processor=dict(settings.slots_per_processor),
            threads=settings.threads_per_runner,
            load_limit=settings.load_limit,
            idle_limit=settings.runner_idle_limit,
            logs=self.home.runner_logs,
            environment=partial(runner_environment, os.environ),
        )
