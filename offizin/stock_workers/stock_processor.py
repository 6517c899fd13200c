"""All workers of the reference that have one processor: to servers they are one worker of ours, with a slot each."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from offizin.brokers.broker import Broker
from offizin.brokers.rabbitmq.plain_queues import QueueLook
from offizin.clock import Clock
from offizin.errors import Unavailable
from offizin.messages import Handshake, Tool
from offizin.stock_workers.documents import JobDocument
from offizin.stock_workers.stock_jobs import StockJobs
from offizin.stock_workers.stock_program import StockProgram
from offizin.workers.attempt_logs import AttemptLogs, Upload
from offizin.workers.loading import PoolSettings
from offizin.workers.membership import Held, Membership
from offizin.workers.pool import WorkerPool
from offizin.workers.runner import Runner
from offizin.workers.session import WorkerSession

log = logging.getLogger(__name__)

# What their machines are called, all of them together.
HOST = "reference-workers"
# Before another session, in seconds.
PAUSE = 2.0
# For what has ended to be told, in seconds.
GRACE = 10.0
# No more of them than this work for one server.
MOST = 10_000


@dataclass(frozen=True, slots=True)
class StockTool:
    """What is known of a processor; ``tool`` is None where nobody here can tell."""

    handshake: Handshake
    tool: Tool | None


class StockProcessor:
    """Make it, ``start`` it, and either ``leave`` it for a later process or ``end`` it. ``server`` is our own name;
    ``upload`` takes what is too long for a queue of logs."""

    def __init__(
        self, jobs: StockJobs, tool: StockTool, broker: Broker, clock: Clock, server: str, upload: Upload
    ) -> None:
        self.jobs = jobs
        self.nobody_for = 0  # looks
        self.begun = asyncio.Event()  # our server has heard of it
        self._tool = tool
        self._broker = broker
        self._clock = clock
        self._server = server
        self._logs = AttemptLogs(jobs.kept.directory, broker, upload, clock)
        self._consumers = 1
        self._session: WorkerSession | None = None
        self._running: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        return self.jobs.processor

    def start(self, consumers: int) -> None:
        self._consumers = consumers
        self._running = asyncio.create_task(self._run(), name=f"workers of the reference for {self.name}")

    def observe(self, look: QueueLook, documents: Mapping[str, JobDocument]) -> None:
        """What RabbitMQ and MongoDB say now."""
        self.nobody_for = 0 if look.consumers else self.nobody_for + 1
        self.jobs.observe(look, documents)
        if look.consumers and look.consumers != self._consumers:
            self._consumers = look.consumers
            session = self._session
            if session is not None and session.pool is not None and self.name in session.pool.processors:
                session.pool.resize(self.name, self._slots)
                session.has({self.name: self._slots})

    async def leave(self) -> None:
        """The server ends. What is with workers stays there."""
        self.jobs.leaving = True
        session = await self._stop()
        if session is not None:
            await session.leave()
        await self._logs.close()

    async def end(self) -> None:
        """There is no worker any more, and all that was out has ended: that is told, and the rest is handed back."""
        session = await self._stop()
        if session is not None:
            await session.end(GRACE)
        await asyncio.to_thread(self.jobs.kept.end_session)
        await self._logs.close()

    async def _stop(self) -> WorkerSession | None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        session, self._session = self._session, None
        return session

    async def _run(self) -> None:
        while True:
            try:
                await self._live()
            except (Unavailable, OSError) as error:
                log.warning("workers of the reference for %s get nothing now: %s", self.name, error)
            session, self._session = self._session, None
            if session is not None:
                # Its lease is over: what it had is given to others.
                await session.end(0.0)
                await asyncio.to_thread(self.jobs.kept.end_session)
            await self._clock.sleep(PAUSE)

    async def _live(self) -> None:
        """One session, until its lease is over."""
        kept = self.jobs.kept
        session_id = await asyncio.to_thread(kept.session, self._clock.new_id)
        pieces = await asyncio.to_thread(kept.all_of_them)
        resumed = [Held.again(piece, self._server, session_id) for piece in pieces]
        self.jobs.expect([held.name for held in resumed])
        self._consumers = max(self._consumers, len(resumed))
        tools = [] if self._tool.tool is None else [self._tool.tool]
        session = self._session = WorkerSession(
            self._broker, self._clock, HOST, os.getpid(), {self.name: self._slots}, tools, session_id
        )
        await session.begin(lambda membership: self._pool(membership, resumed))
        self.begun.set()
        log.info("workers of the reference have %s: %d at once", self.name, self._slots)
        await session.lost.wait()

    @property
    def _slots(self) -> int:
        return min(self._consumers, MOST)

    def _pool(self, membership: Membership, resumed: Sequence[Held]) -> WorkerPool:
        directory = self.jobs.kept.directory
        settings = PoolSettings(
            slots=MOST, runners=MOST, slots_per_processor={self.name: self._slots}, threads=1, load_limit=0.0,
            idle_limit=600.0, logs=directory, job_logs=directory, environment=lambda _: {}, in_hand=0,
        )  # fmt: skip
        pool = WorkerPool(
            self._broker, Path, settings, self._clock, self._program, membership=membership, logs=self._logs
        )
        pool.resume(resumed)
        return pool

    async def _program(self, _: Path, **__: Any) -> Runner:
        return StockProgram(self._tool.handshake, self.jobs)


Describe = Callable[[str], Awaitable[StockTool]]
