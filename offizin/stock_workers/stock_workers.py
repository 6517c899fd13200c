"""Workers of the reference that are joined to our RabbitMQ are found, given work, and done without when they go.

A processor has such workers while its plain queue, which they declare, has consumers. That is looked at again and
again; nothing is asked of those who have no ``database`` in their configuration.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path

from offizin.brokers.broker import Broker
from offizin.brokers.rabbitmq.plain_queues import PlainDelivery, PlainQueues, QueueLook
from offizin.clock import Clock
from offizin.errors import Unavailable
from offizin.messages import AttemptName
from offizin.stock_workers.attempts import AttemptOver, Attempts
from offizin.stock_workers.documents import Documents, JobDocument
from offizin.stock_workers.kept_pieces import KeptPieces
from offizin.stock_workers.stock_jobs import StockJobs, read
from offizin.stock_workers.stock_processor import Describe, StockProcessor
from offizin.workers.attempt_logs import Upload

log = logging.getLogger(__name__)

# Between two looks, in seconds; and between two for queues that are not there.
EVERY = 2.0
SELDOM = 4.0
# In so many looks in a row there must be no worker before they are done without: one may be starting again.
LOOKS = 3
# How long somebody who asks for a processor waits for its workers, in seconds.
PATIENCE = 10.0
# Messages that are fetched before they are taken care of.
PREFETCH = 1000


def results_queue(server: str) -> str:
    """Where workers of the reference tell this server of ends."""
    return f"offizin-stock-results-{server}"


class StockWorkers:
    """``names`` are processors that somebody may have; ``describe`` tells what is known of one. ``mongodb_away`` is
    told why nothing can be given to them now, with None when it can be again. ``directory`` is for what is with
    them."""

    def __init__(
        self,
        queues: PlainQueues,
        documents: Documents,
        attempts: Attempts,
        broker: Broker,
        clock: Clock,
        upload: Upload,
        *,
        server: str,
        directory: Path,
        names: Callable[[], Awaitable[Collection[str]]],
        describe: Describe,
        mongodb_away: Callable[[Unavailable | None], Awaitable[None]],
    ) -> None:
        self._queues = queues
        self._documents = documents
        self._attempts = attempts
        self._broker = broker
        self._clock = clock
        self._upload = upload
        self._server = server
        self._directory = directory
        self._names = names
        self._describe = describe
        self._mongodb_away = mongodb_away
        self._is_away: bool | None = None
        self._asked: set[str] = set()
        self._processors: dict[str, StockProcessor] = {}
        self._looked_at: dict[str, float] = {}
        self._looking = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._settling: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Once this returns, workers that an earlier process has given work may add files."""
        for name, pieces in (await asyncio.to_thread(self._kept)).items():
            for piece in pieces:
                with contextlib.suppress(AttemptOver):
                    await self._attempts.open(piece)
            await self._begin(name, 1)
        self._queues.consume(results_queue(self._server), PREFETCH, self._receive)
        self._task = asyncio.create_task(self._run(), name="workers of the reference")

    async def stop(self) -> None:
        """What is with workers stays there; their results wait for the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for processor in self._processors.values():
            await processor.leave()
        await self._queues.close()
        await self._documents.close()

    async def look_for(self, name: str) -> None:
        """Somebody asks for this processor. If it has workers of the reference, our server has heard of them then."""
        self._asked.add(name)
        async with self._looking:
            try:
                looks = await self._queues.look([name])
                await self._take_in(looks)
            except Unavailable as error:
                log.warning("workers of the reference are not looked for now: %s", error)
        if (processor := self._processors.get(name)) is not None:
            try:
                async with asyncio.timeout(PATIENCE):
                    await processor.begun.wait()
            except TimeoutError:
                log.warning("workers of the reference for %s cannot begin now", name)

    async def _run(self) -> None:
        while True:
            try:
                async with self._looking:
                    await self._look()
            except Unavailable as error:
                log.warning("workers of the reference are not looked after now: %s", error)
            except Exception:
                log.exception("looking after workers of the reference failed; it is tried again")
            await self._clock.sleep(EVERY)

    async def _look(self) -> None:
        now = self._clock.monotonic()
        known = {*await self._names(), *self._asked}
        due = {name for name in known if self._looked_at.get(name, -SELDOM) <= now - SELDOM}
        for name in due:
            self._looked_at[name] = now
        await self._take_in(await self._queues.look(due | self._processors.keys()))

    async def _take_in(self, looks: dict[str, QueueLook]) -> None:
        has_some = any(look.consumers for look in looks.values())
        ids = {id_ for processor in self._processors.values() for id_ in processor.jobs.ids}
        if not (has_some or ids or self._processors):
            return
        try:
            await self._documents.look()
            documents = await self._documents.jobs(ids) if ids else {}
        except Unavailable as error:
            await self._tell_of_mongodb(error)
            documents = {}
        else:
            await self._tell_of_mongodb(None)
        for name, look in looks.items():
            if look.consumers and name not in self._processors:
                await self._begin(name, look.consumers)
        for name, processor in list(self._processors.items()):
            look = looks.get(name, QueueLook(0, 0))
            processor.observe(look, documents)
            if processor.nobody_for >= LOOKS and not self._is_away:
                await self._end(processor, documents)

    async def _begin(self, name: str, consumers: int) -> None:
        tool = await self._describe(name)
        jobs = StockJobs(
            name, self._queues, self._documents, self._attempts, KeptPieces(self._directory / name), self._clock,
            results_queue(self._server), tool.handshake.version,
        )  # fmt: skip
        processor = StockProcessor(jobs, tool, self._broker, self._clock, self._server, self._upload)
        self._processors[name] = processor
        processor.start(consumers)

    async def _end(self, processor: StockProcessor, documents: dict[str, JobDocument]) -> None:
        log.warning("%s has no worker of the reference any more", processor.name)
        await processor.jobs.take_back()
        processor.jobs.nobody_is_left(documents)
        del self._processors[processor.name]
        await processor.end()

    def _kept(self) -> dict[str, list[AttemptName]]:
        """What is with workers, by processor. Blocking."""
        if not self._directory.is_dir():
            return {}
        kept = {each.name: KeptPieces(each).names() for each in self._directory.iterdir()}
        return {name: pieces for name, pieces in kept.items() if pieces}

    def _receive(self, delivery: PlainDelivery) -> None:
        result = read(delivery)
        if result is None or not any(each.jobs.receive(result, delivery) for each in self._processors.values()):
            task = asyncio.create_task(delivery.acknowledge())
            self._settling.add(task)
            task.add_done_callback(self._settling.discard)

    async def _tell_of_mongodb(self, error: Unavailable | None) -> None:
        if (error is not None) != self._is_away:
            self._is_away = error is not None
            await self._mongodb_away(error)
