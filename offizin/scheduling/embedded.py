"""Slots in the server's own process: what is in flight dies with it, and waits again."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import socket
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from pathlib import Path

from offizin.brokers.broker import Broker, Message
from offizin.clock import Clock
from offizin.errors import Unavailable
from offizin.home import Home
from offizin.processors.discovery import Discovery
from offizin.processors.surroundings import runner_environment
from offizin.processors.tool_cache import Fingerprint
from offizin.scheduling.dispatched import Dispatched
from offizin.scheduling.recovery import PutBack, places_in_flight, places_of, put_back, recover
from offizin.scheduling.sending import Sender
from offizin.scheduling.workforce import LeftBehind, Scheduler, WorkerSeen
from offizin.settings import Settings
from offizin.store import jobs, pieces
from offizin.store.transaction import Transaction
from offizin.workers.loading import PoolSettings
from offizin.workers.membership import Membership
from offizin.workers.pool import WorkerPool
from offizin.workers.process_group import end_leftovers
from offizin.workers.runner import Runner
from offizin.workspaces.unfinished_files import delete_unfinished_files

log = logging.getLogger(__name__)

# What has begun may finish so long when the server is stopped, in seconds.
GRACE = 5.0


class EmbeddedWorkforce:
    """Use ``employ``."""

    def __init__(
        self,
        broker: Broker,
        discovery: Discovery,
        settings: Settings,
        home: Home,
        clock: Clock,
        start_runner: Callable[..., Awaitable[Runner]],
    ) -> None:
        self.broker = broker
        self.processors = discovery
        self.sender = Sender()
        self._lease_until = math.inf
        membership = Membership(lease_left=lambda: self._lease_until - clock.monotonic())
        self.pool = WorkerPool(
            broker, discovery.executable, pool_settings(settings, home), clock, start_runner, membership
        )
        self.serve = self.pool.serve
        self.learn = self.pool.learn
        self.cancel = self.pool.cancel
        self.loaded = self.pool.loaded
        self._settings = settings
        self._clock = clock
        self._host = socket.gethostname()
        self._paused: Collection[str] = ()
        self._rests_with: frozenset[str] = frozenset()
        self._rests = False

    @classmethod
    async def employ(
        cls,
        broker: Broker,
        discovery: Discovery,
        settings: Settings,
        home: Home,
        clock: Clock,
        start_runner: Callable[..., Awaitable[Runner]],
    ) -> EmbeddedWorkforce:
        """Once all that an earlier server left running is ended."""
        if left := await asyncio.to_thread(end_leftovers, home.runner_logs):
            log.warning("ended %d processes that an earlier server had left", left)
        return cls(broker, discovery, settings, home, clock, start_runner)

    def slots(self, processor: str) -> int:
        if self._rests or processor in self._paused:
            return 0
        return self._most_slots(processor)

    def _most_slots(self, processor: str) -> int:
        return min(self._settings.slots, self._settings.slots_per_processor.get(processor, self._settings.slots))

    def pause(
        self, processors: Collection[str], hosts: Collection[str], places: Collection[tuple[str, str]] = ()
    ) -> None:
        """What is in the window already is done."""
        self._rests_with = frozenset(processor for host, processor in places if host == self._host)
        self._paused, self._rests = frozenset(processors) | self._rests_with, self._host in hosts

    def workers(self) -> list[WorkerSeen]:
        slots = {processor: self._most_slots(processor) for processor in self.pool.processors}
        return [
            WorkerSeen("", self._host, os.getpid(), slots, self._clock.now(), self._rests, rests_with=self._rests_with)
        ]

    def host_of(self, session: str) -> str:
        return self._host

    def fingerprint(self, processor: str) -> str:
        return repr(Fingerprint.of(self.processors.executable(processor)))

    def takes(self, piece: Dispatched, session: str) -> bool:
        return True

    def follow_log(self, job: str) -> None:
        """Runners write to it here."""

    def heard(self, message: Message) -> None:
        log.error("a message of kind %s comes from nobody", message.kind)

    async def attend(self, scheduler: Scheduler) -> None:
        for workspace, file_grps in await scheduler.database.read(lambda tx: places_in_flight(tx, scheduler.server)):
            await asyncio.to_thread(delete_unfinished_files, workspace, file_grps)
        recovered = await scheduler.database.write(
            lambda tx: recover(tx, scheduler.limits, self._clock.now(), server=scheduler.server), synced=True
        )
        if recovered.again or recovered.cancelled or recovered.given_up:
            log.warning(
                "after a crash: %d pieces wait again, %d are cancelled, %d given up",
                recovered.again, recovered.cancelled, recovered.given_up,
            )  # fmt: skip

    async def inherit(self, scheduler: Scheduler, left: LeftBehind) -> None:
        """Its slots are gone with it, or may write no more: all that was in them waits again."""

        def places(tx: Transaction) -> set[tuple[Path, tuple[str, ...]]]:
            wanted = {*left.jobs, *(job for job, _ in left.pieces)}
            return places_of(tx, [row for row in jobs.in_flight(tx, scheduler.server) if row.seq in wanted])

        def write(tx: Transaction) -> PutBack:
            # What the dead server kept, because it has started again meanwhile, is none of ours.
            singles = [row for row in jobs.in_flight(tx, scheduler.server) if row.seq in left.jobs]
            of_many = [row for row in pieces.in_flight(tx, scheduler.server) if (row.job, row.number) in left.pieces]
            return put_back(tx, singles, of_many, scheduler.limits, self._clock.now(), crashed=True)

        for workspace, file_grps in await scheduler.database.read(places):
            await asyncio.to_thread(delete_unfinished_files, workspace, file_grps)
        back = await scheduler.database.write(write, synced=True)
        log.warning("%d pieces of server %s wait again", back.recovered.again, left.server)
        scheduler.tallies.ended.update(back.consequences.ended)
        for run in back.consequences.ended_runs:
            scheduler.run_over(run)
        scheduler.changed()

    def renew(self, lease: float) -> None:
        self._lease_until = self._clock.monotonic() + lease
        self.pool.renew(lease)

    async def abandon(self) -> None:
        await self.pool.abandon()

    async def stop(self) -> None:
        await self.pool.close(GRACE)

    async def leave(self, scheduler: Scheduler) -> None:
        now = self._clock.now()
        try:
            await scheduler.database.write(
                lambda tx: recover(tx, scheduler.limits, now, crashed=False, server=scheduler.server), synced=True
            )
        except Unavailable as error:
            log.error("the next start will find what was under way as after a crash: %s", error)


def pool_settings(settings: Settings, home: Home) -> PoolSettings:
    return PoolSettings(
        slots=settings.slots,
        runners=settings.max_runners,
        slots_per_processor=dict(settings.slots_per_processor),
        threads=settings.threads_per_runner,
        load_limit=settings.load_limit,
        idle_limit=settings.runner_idle_limit,
        logs=home.runner_logs,
        job_logs=home.logs,
        environment=partial(runner_environment, os.environ),
    )
