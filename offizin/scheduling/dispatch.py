"""Filling the window: ready pieces go to the broker, a few at a time for each processor."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from offizin.brokers.broker import RESULTS, Broker, Kind, Message, queue_of
from offizin.clock import Clock
from offizin.errors import OffizinError
from offizin.faults import reach
from offizin.jobs import State
from offizin.logs import job_log
from offizin.messages import ENVELOPE_VERSION, Cause, Piece, Result, encode
from offizin.scheduling.contexts import Contexts, StepContext
from offizin.scheduling.lanes import Lane, Lanes
from offizin.scheduling.learned import LearnedProcessors
from offizin.scheduling.retry_policy import Limits, after_loss
from offizin.scheduling.window import VirtualTimes, cuts, whose_turn, window_size
from offizin.store import fair_order, jobs, pieces
from offizin.store.jobs import ReadyJob
from offizin.store.pieces import ReadyPiece
from offizin.store.transaction import Database, Transaction
from offizin.timings import Timings

log = logging.getLogger(__name__)

T = TypeVar("T")

# Rounds in which at most this many processors are looked after, so that a transaction stays short.
MOST_IN_ROUND = 16


@dataclass(slots=True)
class Dispatched:
    """A piece that is out. ``pages`` are those that its attempt is to do."""

    seq: int
    id: str
    piece: int
    attempt: int
    of_many: bool
    context: StepContext
    pages: list[str]
    processor: str
    alone: bool
    tries: int
    lane: Lane | None = None
    settled: set[str] = field(default_factory=set)  # pages of which results have come


@dataclass(slots=True)
class ProcessorLoad:
    """What is out for one processor, and how long its pieces take."""

    out: int = 0
    reserved: int = 0  # room that a transaction under way may fill
    seconds: float | None = None


@dataclass(slots=True)
class Choice:
    """``room``: how many pieces of each processor may leave; ``short``: processors without any. Filled in: what
    leaves, and the processors of which it must be learned how to cut their jobs."""

    room: dict[str, int]
    short: set[str] = field(default_factory=set)
    chosen: list[Dispatched] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


class Dispatcher:
    """``slots(processor)`` says how many pieces of it can be worked on at once (0: by nobody now); ``learn`` asks the
    workers to load a processor so that it is known whether its pages are independent; ``serve`` makes them listen."""

    def __init__(
        self,
        database: Database,
        broker: Broker,
        lanes: Lanes,
        contexts: Contexts,
        learned: LearnedProcessors,
        clock: Clock,
        timings: Timings,
        limits: Limits,
        *,
        home: Path,
        slots: Callable[[str], int],
        serve: Callable[[str], Awaitable[None]],
        learn: Callable[[str], None],
        time_limit: Callable[[str], float | None],
    ) -> None:
        self.out: dict[tuple[str, int], Dispatched] = {}
        self.virtual_times = VirtualTimes()
        self._database = database
        self._broker = broker
        self._lanes = lanes
        self._contexts = contexts
        self._learned = learned
        self._clock = clock
        self._timings = timings
        self._limits = limits
        self._home = str(home)
        self._slots = slots
        self._serve = serve
        self._learn = learn
        self._time_limit = time_limit
        self._loads: dict[str, ProcessorLoad] = {}
        self._hot: dict[str, None] = {}  # processors that may have ready work, in the order they came
        self._wakened = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._opening: set[asyncio.Task[None]] = set()
        self._stopped = False

    async def start(self) -> None:
        def look(tx: Transaction) -> tuple[set[str], dict[tuple[str, int], int]]:
            return jobs.ready_processors(tx) | pieces.ready_processors(tx), fair_order.virtual_times(tx)

        ready, times = await self._database.read(look)
        self.virtual_times.set(times)
        self.wake(ready)
        self._task = asyncio.create_task(self._run(), name="dispatcher")

    async def stop(self) -> None:
        """Nothing leaves any more."""
        self._stopped = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def wake(self, processors: Collection[str]) -> None:
        """These processors may have ready work, or room for it."""
        for processor in processors:
            self._hot[processor] = None
        if processors:
            self._wakened.set()

    def over(self, done: Dispatched, seconds: float | None) -> None:
        """A piece has come back, after ``seconds`` of the processor's own time (None: it says nothing about that)."""
        if self.out.pop((done.id, done.piece), None) is None:
            return
        if done.lane is not None:
            done.lane.in_flight -= 1
        load = self._load(done.processor)
        load.out -= 1
        if seconds is not None:
            load.seconds = seconds if load.seconds is None else 0.8 * load.seconds + 0.2 * seconds
        self.wake((done.processor,))

    def _load(self, processor: str) -> ProcessorLoad:
        return self._loads.setdefault(processor, ProcessorLoad())

    async def _run(self) -> None:
        while True:
            await self._wakened.wait()
            self._wakened.clear()
            try:
                await self._round()
            except Exception:
                log.exception("a round of dispatching failed; it is tried again")
                await self._clock.sleep(1.0)
                self._wakened.set()

    async def _round(self) -> None:
        room: dict[str, int] = {}
        for processor in list(self._hot)[:MOST_IN_ROUND]:
            del self._hot[processor]
            self._reserve(processor, room)
        if self._hot:
            self._wakened.set()
        if not room:
            return
        choice = Choice(room)
        with self._timings.measure("dispatch: choose", 0):
            await self.carry_out(lambda tx: self.choose(tx, choice), choice)
        await self.send(choice)

    def reserve(self, freed: Mapping[str, int]) -> Choice:
        """Room for the transaction that is about to take back ``freed`` pieces of each processor."""
        room: dict[str, int] = {}
        for processor, pieces_back in freed.items():
            self._reserve(processor, room, pieces_back)
        return Choice(room, short=freed.keys() - room.keys())

    async def carry_out(self, work: Callable[[Transaction], T], choice: Choice, *, synced: bool = False) -> T:
        """Run a transaction in which ``choose`` is called. Whoever calls this must ``send`` the choice afterwards."""
        try:
            return await self._database.write(work, synced=synced)
        except BaseException:
            choice.chosen.clear()
            await self.send(choice)
            raise

    def _reserve(self, processor: str, room: dict[str, int], pieces_back: int = 0) -> None:
        load, slots = self._load(processor), 0 if self._stopped else self._slots(processor)
        free = window_size(slots, load.seconds) - load.out - load.reserved + pieces_back if slots else 0
        if free > 0:
            load.reserved += free
            room[processor] = free

    async def send(self, choice: Choice) -> None:
        """After the commit of what ``choose`` was called in: publish what was chosen."""
        left = Counter(piece.processor for piece in choice.chosen)
        for processor, free in choice.room.items():
            self._load(processor).reserved -= free
        # Where the room was not enough, there may be more; where it is full, the next piece that comes back looks.
        self.wake(choice.short | {processor for processor, free in choice.room.items() if left[processor] >= free})
        for processor in choice.unknown:
            await self._serve(processor)
            self._learn(processor)
        if choice.chosen:
            reach("dispatch: after commit")
            with self._timings.measure("dispatch: publish", len(choice.chosen)):
                await self._publish(choice.chosen)

    def choose(self, tx: Transaction, choice: Choice) -> None:
        """Fill the room: what leaves now is marked as queued. In the writer's thread."""
        room = choice.room
        chosen: list[tuple[ReadyJob | ReadyPiece, list[str]]] = []
        now = self._clock.now()
        for processor, free in room.items():
            ready = jobs.ready(tx, processor, free)
            whole = [job for job in ready if job.page is None]
            if whole:
                knows = self._learned.independent_pages(processor)
                if knows is None:
                    choice.unknown.append(processor)
                else:
                    for job in whole:
                        self._cut(tx, job, independent=knows, now=now)
            single = [job for job in ready if job.page is not None]
            for next_one in whose_turn(single, pieces.ready(tx, processor, free), free):
                self.virtual_times.leaves(next_one)
                if isinstance(next_one, ReadyJob):
                    chosen.append((next_one, [next_one.page or ""]))
                else:
                    rows = pieces.pages_of_piece(tx, next_one.seq, next_one.number)
                    chosen.append((next_one, [row.page for row in rows]))
        jobs.queue(tx, (one.seq for one, _ in chosen if isinstance(one, ReadyJob)), now)
        pieces.queue(tx, ((one.seq, one.number) for one, _ in chosen if isinstance(one, ReadyPiece)))
        self._contexts.load(tx, {(one.run, one.step) for one, _ in chosen})
        choice.chosen = [self._dispatched(one, pages) for one, pages in chosen]

    def _dispatched(self, one: ReadyJob | ReadyPiece, pages: list[str]) -> Dispatched:
        of_many = isinstance(one, ReadyPiece)
        return Dispatched(
            seq=one.seq,
            id=one.id,
            piece=one.number if isinstance(one, ReadyPiece) else 0,
            attempt=one.attempt + 1,
            of_many=of_many,
            context=self._contexts.get(one.run, one.step),
            pages=pages,
            processor=one.processor,
            alone=after_loss(one.losses, self._limits).alone,
            tries=one.tries,
        )

    def _cut(self, tx: Transaction, job: ReadyJob, *, independent: bool, now: float) -> None:
        open_pages = [row.number for row in pieces.pages(tx, job.seq, {State.CACHED})]
        if independent:
            numbers = [[open_pages[i] for i in cut] for cut in cuts(len(open_pages), self._slots(job.processor) or 1)]
        else:
            numbers = [open_pages]
        # Pieces count their attempts from the job's, so that no two attempts at a page have one number.
        pieces.cut(tx, job.seq, job.processor, job.priority, job.tag, job.attempt, numbers)
        jobs.queue(tx, [job.seq], now)

    async def _publish(self, chosen: Sequence[Dispatched]) -> None:
        """Send what has its METS at hand; for the rest, each METS is opened aside, so that nobody waits for it."""
        with_lane: list[Dispatched] = []
        without: dict[Path, list[Dispatched]] = {}
        for piece in chosen:
            self._load(piece.processor).out += 1
            self.out[piece.id, piece.piece] = piece
            lane = self._lanes.at_hand(piece.context.mets)
            if lane is None:
                without.setdefault(piece.context.mets, []).append(piece)
            else:
                piece.lane = lane
                lane.in_flight += 1
                with_lane.append(piece)
        for mets, waiting in without.items():
            task = asyncio.create_task(self._open_and_send(mets, waiting))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)
        await self._send_pieces(with_lane)

    async def _open_and_send(self, mets: Path, waiting: Sequence[Dispatched]) -> None:
        try:
            lane = await self._lanes.open(mets, self._clock.now())
        except OffizinError as error:
            lost = [Result(p.id, p.attempt, p.piece, cause=Cause.NO_INPUT, message=error.message) for p in waiting]
            await self._broker.publish(RESULTS, [Message(Kind.RESULT, encode(result)) for result in lost])
            return
        for piece in waiting:
            piece.lane = lane
            lane.in_flight += 1
        await self._send_pieces(waiting)

    async def _send_pieces(self, ready: Sequence[Dispatched]) -> None:
        by_processor: dict[str, list[Message]] = {}
        for piece in ready:
            assert piece.lane is not None
            message = Message(Kind.PIECE, encode(self._piece(piece, piece.lane)))
            by_processor.setdefault(piece.processor, []).append(message)
        for processor, messages in by_processor.items():
            await self._serve(processor)
            await self._broker.publish(queue_of(processor), messages)

    def _piece(self, piece: Dispatched, lane: Lane) -> Piece:
        context = piece.context
        whole_book = piece.of_many and self._learned.independent_pages(piece.processor) is False
        return Piece(
            version=ENVELOPE_VERSION,
            job=piece.id,
            attempt=piece.attempt,
            piece=piece.piece,
            processor=context.processor,
            parameters=context.parameters,
            input_file_grps=context.input_file_grps,
            output_file_grps=context.output_file_grps,
            directory=context.directory,
            mets=context.mets_text,
            log=job_log(self._home, context.run_id, piece.id),
            slice=lane.index.slice(piece.pages, with_files_without_page=whole_book),
            overwrite=context.overwrite,
            full_mets=self._learned.full_mets(piece.processor),
            time_limit=self._time_limit(piece.processor),
            alone=piece.alone,
        )
