"""Pieces that are with workers of the reference: given to them as messages, waited for, and looked after."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from offizin.brokers.rabbitmq.plain_queues import PlainDelivery, PlainQueues, QueueLook
from offizin.clock import Clock
from offizin.errors import OffizinError, Unavailable
from offizin.logs import log_tail
from offizin.messages import AttemptName, Cause, File, Piece, Result
from offizin.messages.recipes import recipe_of
from offizin.messages.stock_messages import StockResult, processing_message, read_result, stock_job_id
from offizin.stock_workers.attempts import AttemptOver, Attempts
from offizin.stock_workers.documents import CACHED, OVER, QUEUED, Documents, JobDocument, NewJob
from offizin.stock_workers.judging import SUCCESS, End, result_of
from offizin.stock_workers.kept_pieces import KeptPieces
from offizin.workers.added_files import look_at
from offizin.workers.attempt_mets import AttemptMets
from offizin.workers.child_copying import copy_pages
from offizin.workers.child_inputs import look_at_inputs
from offizin.workers.child_outcome import Before, after_success, before

log = logging.getLogger(__name__)

# Before another try when MongoDB or RabbitMQ cannot be used, in seconds.
PAUSE = 1.0
# In so many looks in a row there must be more messages out than workers have or wait, before one counts as lost.
LOOKS = 3
RUNNING = "RUNNING"


@dataclass(frozen=True, slots=True)
class Done:
    """``result`` is to be reported before ``StockJobs.settle``."""

    name: AttemptName
    result: Result
    delivery: PlainDelivery | None = None


@dataclass(slots=True, eq=False)
class StockJob:
    """One attempt that is out. ``running_since`` on the monotonic clock, as far as it was seen."""

    piece: Piece
    name: AttemptName
    id: str
    ended: asyncio.Future[tuple[End, PlainDelivery | None]]
    published: bool = False
    running_since: float | None = None
    started_at: datetime | None = None
    disturbed: bool = False
    over_for: int = 0  # looks since its document said that it is over
    log: Path | None = None

    def end(self, end: End, delivery: PlainDelivery | None = None) -> None:
        if not self.ended.done():
            self.ended.set_result((end, delivery))


@dataclass(slots=True)
class StockJobs:
    """Of one processor. ``results``: the queue where its workers tell of ends; ``version``: the processor's, as far as
    that is known. ``leaving``: the server ends, and what is out stays out."""

    processor: str
    queues: PlainQueues
    documents: Documents
    attempts: Attempts
    kept: KeptPieces
    clock: Clock
    results: str
    version: str
    leaving: bool = False
    _out: dict[str, StockJob] = field(default_factory=dict)
    _early: dict[str, tuple[StockResult, PlainDelivery]] = field(default_factory=dict)
    _late: dict[str, AttemptName] = field(default_factory=dict)
    _expected: set[str] = field(default_factory=set)
    _consumers: int = 0
    _missing: int = 0

    @property
    def ids(self) -> Collection[str]:
        """Of all that is out."""
        return self._out.keys()

    def expect(self, names: Sequence[AttemptName]) -> None:
        """Of these results may come before they are ``do``ne again."""
        self._expected.update(map(stock_job_id, names))

    async def do(self, piece: Piece, body: bytes) -> Done:
        """Have it done, or go on with what an earlier process has given away. Cancelled: what still comes of it is
        refused, unless this is ``leaving``."""
        name = AttemptName(piece.job, piece.attempt, piece.piece)
        began, known = self.clock.monotonic(), before(piece)
        try:
            done = await self._do(piece, body, name, known)
        except AttemptOver as error:
            _, delivery = self._early.pop(stock_job_id(name), (None, None))
            done = Done(name, _lost(piece, str(error)), delivery)
        except (OSError, OffizinError) as error:
            done = Done(name, Result(*name_of(piece), cause=Cause.EXCEPTION, message=str(error)))
        recipe = recipe_of(piece.processor, self.version, bytes(piece.parameters).decode())
        seconds = round(self.clock.monotonic() - began, 6)
        return Done(name, replace(done.result, recipe=recipe, seconds=seconds), done.delivery)

    async def settle(self, done: Done) -> None:
        """Its result is reported."""
        await asyncio.to_thread(self.kept.forget, done.name)
        if done.delivery is not None:
            await done.delivery.acknowledge()

    def receive(self, result: StockResult, delivery: PlainDelivery) -> bool:
        """Whether it is of one that is out, or was."""
        if (job := self._out.get(result.job_id)) is not None:
            job.end(End(result.state), delivery)
        elif result.job_id in self._expected:
            self._early[result.job_id] = (result, delivery)
        elif (name := self._late.pop(result.job_id, None)) is not None:
            self.attempts.forgive(name)
            return False
        else:
            return False
        return True

    def observe(self, look: QueueLook, documents: Mapping[str, JobDocument]) -> None:
        """What RabbitMQ and MongoDB say now of the queue and of all that is out."""
        published = [job for job in self._out.values() if job.published]
        for job in published:
            if look.consumers < self._consumers:
                job.disturbed = True
            if (document := documents.get(job.id)) is not None:
                self._see(job, document)
        self._consumers = look.consumers
        self._missing = self._missing + 1 if len(published) > look.ready + look.consumers else 0
        if self._missing >= LOOKS:
            # A worker that cannot tell of an end refuses its message and ends; nobody gets it any more.
            lost = next((job for job in published if job.running_since is None), published[0])
            log.error("%s: a message is with no worker and not in the queue: job %s", self.processor, lost.id)
            lost.end(End(cause=Cause.RUNNER_LOST, message="a worker of the reference refused this, or was lost"))
            self._missing = 0

    def nobody_is_left(self, documents: Mapping[str, JobDocument]) -> None:
        """There is no worker any more, and what had not begun is taken back."""
        for job in self._out.values():
            document = documents.get(job.id)
            if document is not None and document.state in OVER:
                job.end(_said_by(document))
            elif job.running_since is not None or (document is not None and document.state == RUNNING):
                message = "the last worker of the reference ended while it worked on this"
                job.end(End(cause=Cause.RUNNER_LOST, message=message))
            else:
                job.end(End(cause=Cause.WORKER_LOST, message="no worker of the reference is left", charged=False))

    async def take_back(self) -> None:
        """What waits in a queue that nobody reads. Raises Unavailable."""
        ids = [each.encode() for each in self._out]
        await self.queues.take_back(self.processor, lambda body: any(each in body for each in ids))

    def _see(self, job: StockJob, document: JobDocument) -> None:
        if document.log is not None and job.log is None and document.log.name == f"{job.id}.log":
            job.log = document.log
            self.kept.link_log(job.piece.log, document.log)
        if document.started_at is not None:
            job.disturbed = job.disturbed or job.started_at not in (None, document.started_at)
            job.started_at = document.started_at
        if document.state in OVER:
            job.over_for += 1  # its result is on its way, or its worker has died over that
            if job.over_for >= LOOKS:
                job.end(_said_by(document))
        elif document.state == RUNNING:
            job.running_since = job.running_since or self.clock.monotonic()
            limit = job.piece.time_limit
            if limit is not None and self.clock.monotonic() - job.running_since > limit * len(job.piece.slice.pages):
                message = f"not done within the time limit of {limit:g} s for each page"
                job.end(End(cause=Cause.TIMEOUT, message=message))

    async def _do(self, piece: Piece, body: bytes, name: AttemptName, known: Before) -> Done:
        if not known.to_do:
            return Done(name, _result(piece, known, [], End(SUCCESS)))
        if piece.copy_input:
            return Done(name, await asyncio.to_thread(_copied, piece, known))
        made_of = await asyncio.to_thread(look_at_inputs, piece)
        await asyncio.to_thread(self.kept.keep, name, body)
        url = await self.attempts.open(name)
        job = StockJob(piece, name, stock_job_id(name), asyncio.get_running_loop().create_future())
        self._out[job.id] = job
        if job.id in self._expected:
            self._expected.discard(job.id)
            job.disturbed = True  # there was no METS server for a while
        if (early := self._early.pop(job.id, None)) is not None:
            job.end(End(early[0].state), early[1])
        try:
            while not job.published and not job.ended.done():
                try:
                    await self._give(job, known.to_do, url)
                except Unavailable as error:
                    log.warning("job %s waits for a worker of the reference: %s", piece.job, error)
                    await self.clock.sleep(PAUSE)
            end, delivery = await job.ended
            if end.cause is None:
                end = await self._told(job, end)
        except asyncio.CancelledError:
            if not self.leaving:
                self._close(job, "its attempt was ended")
                self.kept.forget(name)
            raise
        finally:
            del self._out[job.id]
        files = self._close(job, "" if delivery is not None else "its attempt is over")
        added = await asyncio.to_thread(look_at, piece.directory, files)
        return Done(name, result_of(piece, known, added, made_of, end), delivery)

    async def _give(self, job: StockJob, pages: Sequence[str], url: str) -> None:
        """Unless an earlier process has: then its document says so. Raises Unavailable."""
        piece = job.piece
        await self.documents.put_workspace(piece.mets, url)
        there = (await self.documents.jobs([job.id])).get(job.id)
        if there is None or there.state == CACHED:
            parameters = json.loads(bytes(piece.parameters))
            new = NewJob(
                job.id, piece.processor, piece.mets, piece.input_file_grps, piece.output_file_grps,
                ",".join(pages), parameters, self.results,
            )  # fmt: skip
            await self.documents.add_job(new)
            message = processing_message(piece, pages, self.results, self.clock.now())
            if not await self.queues.publish(self.processor, message):
                raise Unavailable(f"the queue {self.processor} is gone")
            job.published = True
            await self.documents.change_state(job.id, QUEUED, only_if={CACHED})
        job.published = True

    async def _told(self, job: StockJob, end: End) -> End:
        """With what its document and its log say."""
        try:
            document = (await self.documents.jobs([job.id])).get(job.id)
        except Unavailable:
            document = None
        if document is not None:
            self._see(job, document)
        tail = await asyncio.to_thread(log_tail, self.kept.directory / job.piece.log)
        return End(end.state, log_tail=tail, disturbed=job.disturbed, started_at=job.started_at)

    def _close(self, job: StockJob, late: str) -> list[File]:
        if late:
            self._late[job.id] = job.name
        return self.attempts.close(job.name, late)


def name_of(piece: Piece) -> tuple[str, int, int]:
    return piece.job, piece.attempt, piece.piece


def read(delivery: PlainDelivery) -> StockResult | None:
    """None of what is no result."""
    try:
        return read_result(delivery.body)
    except ValueError as error:
        log.error("a message of workers of the reference cannot be read: %s", error)
        return None


def _said_by(document: JobDocument) -> End:
    return End(document.state)


def _lost(piece: Piece, message: str) -> Result:
    return Result(*name_of(piece), cause=Cause.WORKER_LOST, message=message, charged=False)


def _result(piece: Piece, known: Before, added: Sequence[File], end: End) -> Result:
    return result_of(piece, known, look_at(piece.directory, added), {}, end)


def _copied(piece: Piece, known: Before) -> Result:
    """The pages' input is their output: nobody else is needed for that. Blocking."""
    there = piece.slice
    mets = AttemptMets(
        piece.directory, there.pages, there.files, there.file_groups, there.unique_identifier,
        overwrite=piece.overwrite,
    )  # fmt: skip
    made_of = look_at_inputs(piece)
    copy_pages(piece, known.to_do, mets)
    outcome = after_success(piece, known, look_at(piece.directory, list(mets.added.values())), made_of)
    return Result(*name_of(piece), outcome.pages, outcome.files)
