"""Filling the window: ready pieces go to the broker, a few at a time for each processor."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from offizin.clock import Clock
from offizin.errors import Unavailable
from offizin.faults import reach
from offizin.messages import AttemptName
from offizin.scheduling.choosing import Choice, Choosing
from offizin.scheduling.dispatched import Dispatched
from offizin.scheduling.sending import Sending
from offizin.scheduling.window import window_size
from offizin.store import fair_order, jobs, pieces
from offizin.store.transaction import Database, Transaction
from offizin.timings import Timings

log = logging.getLogger(__name__)

T = TypeVar("T")

# Rounds in which at most this many processors are looked after, so that a transaction stays short.
MOST_IN_ROUND = 16
# Before another try when something failed, in seconds.
PAUSE = 1.0


@dataclass(slots=True)
class ProcessorLoad:
    """What is out for one processor, and how long its pieces take."""

    out: int = 0
    reserved: int = 0  # room that a transaction under way may fill
    passed_over: bool = False  # it was to be looked after meanwhile
    seconds: float | None = None


class Dispatcher:
    """Of the work of this ``server``. ``slots(processor)`` says how many pieces of it can be worked on at once (0: by
    nobody now); ``learn`` asks the workers to load a processor so that it is known whether its pages are independent;
    ``serve`` makes them listen."""

    def __init__(
        self,
        database: Database,
        choosing: Choosing,
        sending: Sending,
        clock: Clock,
        timings: Timings,
        *,
        server: int,
        slots: Callable[[str], int],
        serve: Callable[[str], Awaitable[None]],
        learn: Callable[[str], None],
    ) -> None:
        self.out: dict[tuple[str, int], Dispatched] = {}
        self._database = database
        self._choosing = choosing
        self._sending = sending
        self._clock = clock
        self._timings = timings
        self._server = server
        self._slots = slots
        self._serve = serve
        self._learn = learn
        self._loads: dict[str, ProcessorLoad] = {}
        self._hot: dict[str, None] = {}  # processors that may have ready work, in the order they came
        self._wakened = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopped = False

    async def start(self) -> None:
        times = await self._database.read(lambda tx: fair_order.virtual_times(tx, self._server))
        self._choosing.virtual_times.set(times)
        await self.look_everywhere()
        self._task = asyncio.create_task(self._run(), name="dispatcher")

    def rest(self) -> None:
        """Nothing new leaves any more."""
        self._stopped = True
        self._wakened.set()

    async def stop(self) -> None:
        """Nothing leaves any more, and nothing is on its way."""
        self.rest()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        await self._sending.stop()

    async def look_everywhere(self) -> None:
        """Wake all processors of which something is ready."""

        def look(tx: Transaction) -> set[str]:
            return jobs.ready_processors(tx, self._server) | pieces.ready_processors(tx, self._server)

        self.wake(await self._database.read(look))

    def wake(self, processors: Collection[str]) -> None:
        """These processors may have ready work, or room for it."""
        for processor in processors:
            self._hot[processor] = None
        if processors:
            self._wakened.set()

    def piece(self, attempt: AttemptName) -> Dispatched | None:
        """The piece whose present attempt this is, if it is out."""
        found = self.out.get((attempt.job, attempt.piece))
        return found if found is not None and found.attempt == attempt.attempt else None

    def windows(self) -> dict[str, tuple[int, int]]:
        """How many pieces of each processor are out, and how many may be."""
        return {
            name: (load.out, window_size(slots, load.seconds) if (slots := self._slots(name)) else 0)
            for name, load in self._loads.items()
        }

    def adopt(self, found: Iterable[Dispatched]) -> None:
        """These were sent by an earlier server."""
        for piece in found:
            self._load(piece.processor).out += 1
            self.out[piece.id, piece.piece] = piece

    def over(self, done: Dispatched, seconds: float | None) -> None:
        """A piece has come back, after ``seconds`` of the processor's own time (None: it says nothing about that).
        Whoever calls this sees to it that its room is filled."""
        if self.out.get((done.id, done.piece)) is not done:
            return
        del self.out[done.id, done.piece]
        if done.lane is not None:
            done.lane.in_flight -= 1
        load = self._load(done.processor)
        load.out -= 1
        if seconds is not None:
            load.seconds = seconds if load.seconds is None else 0.8 * load.seconds + 0.2 * seconds

    def _load(self, processor: str) -> ProcessorLoad:
        return self._loads.setdefault(processor, ProcessorLoad())

    async def _run(self) -> None:
        while not self._stopped:
            await self._wakened.wait()
            self._wakened.clear()
            try:
                await self._round()
            except Exception:
                log.exception("a round of dispatching failed; it is tried again")
                await self._clock.sleep(PAUSE)
                self._wakened.set()

    async def _round(self) -> None:
        room: dict[str, int] = {}
        for processor in list(self._hot)[:MOST_IN_ROUND]:
            del self._hot[processor]
            load = self._load(processor)
            self._reserve(processor, room, at_least=load.out // 4)
            load.passed_over = processor not in room and load.reserved > 0
        if self._hot:
            self._wakened.set()
        if not room:
            return
        choice = Choice(room)
        try:
            with self._timings.measure("dispatch: choose", 0):
                await self.carry_out(lambda tx: self._choosing.choose(tx, choice), choice)
        except Exception:
            self.wake(room)
            raise
        await self.send(choice)

    def reserve(self, freed: Mapping[str, int]) -> Choice:
        """Room for the transaction that is about to take back ``freed`` pieces of each processor."""
        room: dict[str, int] = {}
        for processor, pieces_back in freed.items():
            self._reserve(processor, room, pieces_back)
        return Choice(room, short=freed.keys() - room.keys())

    async def carry_out(self, work: Callable[[Transaction], T], choice: Choice, *, synced: bool = False) -> T:
        """Run a transaction that calls ``Choosing.choose``. Whoever calls this must ``send`` the choice then, and must
        not be cancelled between."""
        try:
            return await self._database.write(work, synced=synced)
        except Exception:
            choice.chosen.clear()
            await self.send(choice)
            raise

    def _reserve(self, processor: str, room: dict[str, int], pieces_back: int = 0, at_least: int = 0) -> None:
        """A little room, ``at_least`` or less, waits for the next piece that comes back."""
        load, slots = self._load(processor), 0 if self._stopped else self._slots(processor)
        free = window_size(slots, load.seconds) - load.out - load.reserved + pieces_back if slots else 0
        if free > at_least:
            load.reserved += free
            room[processor] = free

    async def send(self, choice: Choice) -> None:
        """After the commit of what ``Choosing.choose`` was called in: publish what was chosen."""
        left = Counter(piece.processor for piece in choice.chosen)
        for piece in choice.chosen:
            self._load(piece.processor).out += 1
            self.out[piece.id, piece.piece] = piece
        # Where the room was not enough, there may be more; where it is full, the next piece that comes back looks.
        again = set(choice.short)
        for processor, free in choice.room.items():
            load = self._load(processor)
            load.reserved -= free
            if left[processor] >= free or load.passed_over:
                again.add(processor)
        self.wake(again)
        if choice.chosen:
            reach("dispatch: after commit")
            with self._timings.measure("dispatch: publish", len(choice.chosen)):
                await self._sending.send(choice.chosen)
        for processor in choice.unknown:
            try:
                await self._serve(processor)
            except Unavailable as error:
                log.error("%s cannot be served now: %s", processor, error)
                await self._clock.sleep(PAUSE)
                self.wake((processor,))
            else:
                self._learn(processor)
