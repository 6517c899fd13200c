"""Class Offizin: wires everything from Settings and a Clock. No HTTP, no decisions."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from offizin.access.capabilities import Purpose
from offizin.access.keys import Keys
from offizin.brokers.amqp_url import AmqpUrl
from offizin.brokers.broker import Broker, results_of
from offizin.changes import Changes
from offizin.clock import Clock, SystemClock
from offizin.deployment.cluster import Cluster
from offizin.errors import TakenOver, Unavailable
from offizin.faults import install_from
from offizin.hardware import HardwareProbe
from offizin.home import Home
from offizin.logs import LogParts
from offizin.mets.save import save
from offizin.outside import Parts, employ, open_database
from offizin.processors.models import Models
from offizin.report.reports import Reports
from offizin.scheduling.arriving_logs import ArrivingLogs
from offizin.scheduling.breaker import Breaker
from offizin.scheduling.cancellation import Cancellation
from offizin.scheduling.choosing import Choosing
from offizin.scheduling.comparing import Comparing
from offizin.scheduling.completion import Completion
from offizin.scheduling.contexts import Contexts
from offizin.scheduling.dispatch import Dispatcher
from offizin.scheduling.draining import Draining, StopMode
from offizin.scheduling.endings import Endings
from offizin.scheduling.finishing import Finishing
from offizin.scheduling.lanes import Lanes, checked
from offizin.scheduling.learned import LearnedProcessors
from offizin.scheduling.mets_servers import MetsServers
from offizin.scheduling.ownership import Ownership
from offizin.scheduling.priorities import Priorities
from offizin.scheduling.remote.registered import RegisteredProcessors
from offizin.scheduling.remote.strays import Strays
from offizin.scheduling.retry_policy import Limits
from offizin.scheduling.retrying import Retrying
from offizin.scheduling.saving import Saving
from offizin.scheduling.sending import Sending
from offizin.scheduling.step_pauses import StepPauses
from offizin.scheduling.submission import Submissions
from offizin.scheduling.undoing import Undoing
from offizin.scheduling.workforce import LeftBehind, Processors, Scheduler, Workforce
from offizin.scheduling.workspace_arrivals import Arrivals
from offizin.scheduling.workspace_register import WorkspaceRegister
from offizin.settings import Settings
from offizin.store import servers
from offizin.store.measured import MeasuredDatabase
from offizin.store.servers import ServerIdentity
from offizin.store.transaction import Database
from offizin.tallies import Tallies
from offizin.timings import Timings
from offizin.trust.addresses import Addressees, is_loopback
from offizin.trust.paths import WorkspaceRoots
from offizin.trust.references import References
from offizin.trust.zips import ZipLimits
from offizin.upkeep.callbacks import Callbacks
from offizin.upkeep.cleaning import Cleaning
from offizin.upkeep.delays import Delays
from offizin.upkeep.deployed_memory import DeployedMemory
from offizin.upkeep.mets_writer import MetsWriter
from offizin.upkeep.pauses import Pauses
from offizin.upkeep.server_heartbeats import ServerHeartbeats
from offizin.upkeep.service import Service
from offizin.workspaces.fetched import Fetching

if TYPE_CHECKING:
    from offizin.stock_workers.stock_workers import StockWorkers

log = logging.getLogger(__name__)


class Offizin:
    """Everything that runs workflows, embedded: ``async with Offizin(settings) as offizin``.

    Raises HomeInUse, Unavailable when it starts.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None, parts: Parts | None = None) -> None:
        self.settings = settings
        self._parts = parts or Parts()
        self.clock: Clock = clock or SystemClock()
        self.home = Home(settings.home)
        self.log_parts = LogParts(self.home.logs)
        self.timings = Timings()
        self.tallies = Tallies()
        self.changes = Changes()
        self.stopping = asyncio.Event()
        self._at_work = asyncio.Event()
        self.fenced: TakenOver | None = None  # why it ends by itself
        self._abandoning: asyncio.Task[None] | None = None
        self._leaving = False
        loopback = is_loopback(settings.host)
        self.roots = WorkspaceRoots.of_server(settings.workspace_roots, home=self.home.path, loopback=loopback)
        self.addressees = Addressees.of_server(settings.callback_hosts, loopback=loopback)
        self.cluster = Cluster(settings, self.clock)
        self.hardware = HardwareProbe()
        self._url_for_reference = ""  # known as soon as it listens

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.home.take)
        try:
            await self.cluster.start_database()
            await self._start()
        except BaseException:
            await self.cluster.stop_queue()
            await self.cluster.stop_database()
            self.home.release()
            raise
        return self

    async def start_workers(self, host: str, port: int) -> None:
        """On the hosts of the configuration, if it names any. ``host`` and ``port`` are where our HTTP API listens."""
        queue = self.settings.reference.process_queue
        if queue is not None:
            url = AmqpUrl.of_process_queue(queue)
            await self.cluster.start_workers(
                self._deployed,
                owner=self.server.name,
                queue=url.with_password(url.password),
                host=host,
                port=port,
                token=self.keys.signatures.worker_token,
            )

    def stop(self) -> None:
        """Tell all who wait that the end is near."""
        self.stopping.set()
        self.changes.announce_end()

    def _end_at_once(self) -> None:
        """Another server has taken over from this one: nothing may be done here any more."""
        if self.fenced is None:
            self.fenced = TakenOver(
                "another server has taken over the work of this one, which had shown no life for "
                f"{self.settings.server_lease:g} s or more: it was stopped, or could not reach the database",
                advice="Start it again: it then takes part in new work.",
            )
            log.error("%s", self.fenced)
            self._abandoning = asyncio.create_task(self.workforce.abandon(), name="abandoning")
            self.stop()

    def end(self, mode: StopMode) -> None:
        """Begin to end, in one of the ways that ``POST /stop`` knows."""
        if mode is StopMode.DRAIN:
            self.draining.begin()
            return
        self._leaving = mode is StopMode.LEAVE
        self.stop()

    async def __aexit__(self, *_: object) -> None:
        self.stop()
        await self.draining.stop()
        if self._abandoning is not None:
            await asyncio.gather(self._abandoning, return_exceptions=True)
        if self._abandoning is not None or self._leaving:
            await self.cluster.give_up()
        await self.dispatcher.stop()
        await self.cluster.stop_workers()
        if self.stock_workers is not None:
            await self.stock_workers.stop()
        await self.workforce.stop()
        for service in reversed(self._services):
            await service.stop()
        await self.mets_servers.stop()
        await self.workforce.leave(self._scheduler)
        if self._news is not None:
            await self._news.stop()
        await self.heartbeats.stop()
        await self.keys.tokens.stop()
        await self._leave()
        await self.workforce.processors.close()
        await self.workforce.broker.close()
        await self.cluster.stop_queue()
        await self.database.close()
        await self.cluster.stop_database()
        self.home.release()

    async def _start(self) -> None:
        opened = await self._open()
        self._wire()
        await self.heartbeats.start()
        self._news = self._news_of_others(opened)
        if self._news is not None:
            await self._news.start()
        await self.workforce.attend(self._scheduler)
        self.stock_workers = self._stock_workers()
        for service in self._services:
            await service.start()
        self._at_work.set()

    async def _open(self) -> Database:
        """What reaches outside. Returns the database as it is, without what measures it."""
        settings, clock = self.settings, self.clock
        install_from(os.environ.get("OFFIZIN_FAULT"))
        opened = await open_database(self._parts, settings, self.home, clock)
        self.database: Database = MeasuredDatabase(opened, self.tallies)
        self.server = await self._enter()
        self.keys = await Keys.open(self.database, clock)
        self._deployed = DeployedMemory(self.database, self.server.seq, clock)
        await self.cluster.start_queue(self._deployed)
        self.workforce: Workforce = await employ(self._parts, settings, self.home, clock, self.server, self.database)
        return opened

    def _wire(self) -> None:
        """What is inside. Nothing runs yet."""
        settings, clock, workforce, server = self.settings, self.clock, self.workforce, self.server.seq
        limits = Limits(own_failures=settings.own_failure_retries, runner_losses=settings.runner_lost_retries)
        self.processors: Processors = workforce.processors
        self.models = Models(lambda: self.processors, clock)
        self.broker: Broker = workforce.broker
        self.learned = LearnedProcessors(self.database, workforce.fingerprint, clock)
        self.ownership = ownership = Ownership(self.server)
        save_mets = self._parts.save_mets or partial(save, may_write=self._may_write)
        references = References(self.roots, self.addressees)
        read_mets = checked(self._parts.read_mets, references)
        self.lanes = Lanes(self.database, ownership, clock.new_id, read=read_mets, save=save_mets)
        self.workspaces = WorkspaceRegister(self.database, ownership, self.lanes, clock)
        zips = ZipLimits(settings.upload_limit, settings.zip_ratio_limit, settings.zip_count_limit)
        self.fetching = Fetching(
            self.addressees, settings.upload_limit, settings.zip_count_limit, self._parts.transport
        )
        self.arrivals = Arrivals(self.database, self.workspaces, self.home.workspaces, zips)
        contexts = Contexts()
        choosing = Choosing(contexts, self.learned, clock, limits, workforce.slots, server)
        sending = Sending(
            self.broker, self.lanes, self.learned, clock,
            serve=workforce.serve, time_limit=settings.time_limit, sender=workforce.sender,
        )  # fmt: skip
        self.dispatcher = Dispatcher(
            self.database, choosing, sending, clock, self.timings,
            server=server, slots=workforce.slots, serve=workforce.serve, learn=workforce.learn,
        )  # fmt: skip
        self.draining = Draining(self.dispatcher, self.changes, self.stop)
        changed: Callable[[], None] = self.changes.announce
        wake, virtual_time = self.dispatcher.wake, choosing.virtual_times.now
        breaker = Breaker(settings.failures_in_a_row, workforce.host_of)
        self.pauses = Pauses(
            self.database, clock, apply=workforce.pause, look_everywhere=self.dispatcher.look_everywhere,
            told=breaker.told, here=workforce.host_of(""),
            alone=not workforce.sender.name and not self.database.shared,
        )  # fmt: skip
        self.delays = Delays(self.database, clock, server, ready=wake)
        self.saving = Saving(self.database, self.lanes, clock, self.timings)
        self.mets_servers = MetsServers(self.database, ownership, self.lanes, self.saving, clock, references)
        self.callbacks = Callbacks(self.database, clock, server, self.addressees, self._parts.transport)
        self.endings = Endings(
            self.database, self.lanes, self.saving, self.learned, Finishing(self.database, self.lanes, clock), clock,
            server=server, changed=self.changes.announce_end, called_back=self.callbacks.wake,
            resumed=self.pauses.wake,
        )  # fmt: skip
        run_over = self.endings.run_over
        self.step_pauses = StepPauses(
            self.database, ownership, clock, wake=wake, look=self.pauses.look_at_last, changed=changed
        )
        self._arriving_logs = ArrivingLogs(self.dispatcher, self.log_parts)
        self.completion = Completion(
            self.database, self.broker, self.dispatcher, choosing, self.learned, clock, self.timings,
            self.tallies, limits, breaker, run_over=run_over, end_work=workforce.cancel, changed=changed,
            paused=self.pauses.wake, delayed=self.delays.wake, host_of=workforce.host_of,
            logs=self._arriving_logs,
            queue=results_of(workforce.sender.name), takes=workforce.takes, others=workforce.heard,
            strays=Strays(self.database, self.broker, server).pass_on,
        )  # fmt: skip
        self.submissions = Submissions(
            self.database, ownership, self.lanes, contexts, self.processors,
            Comparing(self.database, self.learned, self.processors), self.dispatcher, choosing, clock, self.timings,
            self.tallies, roots=self.roots, jobs_limit=settings.jobs_limit, ended=run_over, changed=changed,
        )  # fmt: skip
        self.cancellation = Cancellation(
            self.database, ownership, clock, self.tallies,
            end_work=workforce.cancel, wake=wake, run_over=run_over, changed=changed,
        )  # fmt: skip
        self.retrying = Retrying(
            self.database, ownership, self.lanes, self.processors, clock, self.tallies,
            virtual_time=virtual_time, wake=wake, run_over=run_over, changed=changed,
        )  # fmt: skip
        self.reports = Reports(self.database, clock)
        self.undoing = Undoing(
            self.database, ownership, self.lanes, self.saving, clock, changed=self.changes.announce_end
        )
        self.priorities = Priorities(self.database, ownership, virtual_time=virtual_time, wake=wake)
        self._scheduler = Scheduler(
            server, self.database, self.dispatcher, sending, self.lanes, contexts, limits, self.tallies,
            run_over, changed, self.completion.listen, self.mets_servers,
        )  # fmt: skip
        self.heartbeats = ServerHeartbeats(
            self.database, clock, self.server, settings.server_lease, virtual_time=virtual_time,
            forget=self.lanes.forget, moved=self.dispatcher.look_everywhere, taken_over=self._take_up,
            alive=workforce.renew, fenced=self._end_at_once,
        )  # fmt: skip
        self._services: list[Service] = [
            self.pauses,
            self.learned,
            self.endings,
            self.callbacks,
            self.delays,
            MetsWriter(self.database, self.saving, clock, settings.save_interval, server),
            Cleaning(self.database, clock, self.arrivals.clear_up),
            self.completion,
            self.dispatcher,
        ]

    def _may_write(self) -> bool:
        return self.heartbeats.may_write

    async def _take_up(self, left: LeftBehind) -> None:
        """What a dead server has left is ours now."""
        await self._at_work.wait()
        await self.workforce.inherit(self._scheduler, left)
        await self.dispatcher.look_everywhere()
        await self.endings.look_everywhere()
        self.callbacks.wake()
        self.delays.wake()

    async def listens_at(self, url: str, here: str) -> None:
        """Other servers find this one at ``url``, programs on this machine at ``here``. Raises Unavailable."""
        await self.database.write(lambda tx: servers.listens_at(tx, self.server, url))
        if self.stock_workers is not None:
            self._url_for_reference = url if self.settings.reference.use_tcp_mets else here
            await self.stock_workers.start()

    async def _leave(self) -> None:
        """Others need not wait for the lease."""
        try:
            await self.database.write(lambda tx: servers.leave(tx, self.server))
        except Unavailable as error:
            log.warning("%s", error)

    def _stock_workers(self) -> StockWorkers | None:
        """Where the configuration has a queue and a database for workers of the reference."""
        reference = self.settings.reference
        if reference.process_queue is None or reference.database is None or self._parts.connect is not None:
            return None
        if self.database.shared:
            log.warning("workers of the reference work for a server that is alone with its database; ours is shared")
            return None
        try:
            from offizin.upkeep.reference_workers import reference_workers
        except ImportError as error:
            log.warning("workers of the reference are left out, as %s is missing: install offizin[mongodb]", error.name)
            return None
        found = reference_workers(
            self.settings, self.home, self.database, self.pauses, self.clock,
            discovery=self._parts.discovery(self.settings, self.home, self.clock), dispatcher=self.dispatcher,
            servers=self.mets_servers, logs=self._arriving_logs, broker=self.broker, server=self.server.name,
            url=self._mets_url,
        )  # fmt: skip
        if isinstance(self.processors, RegisteredProcessors):
            self.processors.look_for = found.look_for
        return found

    def _mets_url(self, mets: Path) -> str:
        """Where workers of the reference find the METS server of a workspace; the same after a restart, if the server's
        own URL is."""
        capability = self.keys.capabilities.capability(Purpose.METS, mets.parent)
        return f"{self._url_for_reference.rstrip('/')}/tcp_mets/{capability}"

    def _news_of_others(self, database: Database) -> Service | None:
        """None on a database that is ours alone."""
        if not database.shared:
            return None
        from offizin.store.postgresql import PostgresqlDatabase

        assert isinstance(database, PostgresqlDatabase)
        return database.news(
            self.clock, self.changes.own, others=lambda: bool(self.heartbeats.others), heard=self.changes.heard
        )

    async def _enter(self) -> ServerIdentity:
        """Who this server is from now on. Another process that still acts under its name is fenced off."""
        name = await asyncio.to_thread(self.home.server_name, self.clock.new_id)
        now, alone, writer = self.clock.now(), not self.database.shared, self.database.writer
        row = await self.database.write(lambda tx: servers.enter(tx, name, "", now, alone=alone, writer=writer))
        return row.identity
