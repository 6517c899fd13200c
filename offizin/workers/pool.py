"""All slots of one worker: which processor may use the cores next, with which runner."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from msgspec.structs import replace

from offizin.brokers.at_last import publish_at_last
from offizin.brokers.broker import RESULTS, Broker, Delivery, Kind, Message, Subscription, queue_of
from offizin.clock import Clock
from offizin.errors import OffizinError, RunnerLost
from offizin.messages import Cause, Unloadable, decode_ticket, encode
from offizin.workers.runner_process import RunnerProcess
from offizin.workers.slot import Held, Slot, report_end

log = logging.getLogger(__name__)

# How much work may lie in a runner's hands, in seconds, and in pieces.
IN_HAND = 0.05
MOST_IN_HAND = 32
# How long a runner keeps its core while other processors wait.
TURN = 0.05
TICK = 0.05


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """``slots``: runners that work at once; ``runners``: runners kept loaded; times in seconds."""

    slots: int
    runners: int
    slots_per_processor: dict[str, int]
    threads: int
    load_limit: float
    idle_limit: float
    logs: Path
    environment: Callable[[Path], dict[str, str]]  # what is set for a processor's program


@dataclass(slots=True)
class Line:
    """What waits for one processor on this worker, and the slots it has."""

    processor: str
    limit: int
    waiting: deque[Held] = field(default_factory=deque)
    slots: list[Slot] = field(default_factory=list)
    loading: int = 0
    seconds: float | None = None  # measured, for a piece
    turn_at: float = 0.0
    subscription: Subscription | None = None

    @property
    def in_hand(self) -> int:
        """How many pieces a runner of this processor may hold: about 50 ms of work, but one of unknown length."""
        if self.seconds is None:
            return 1
        return max(1, min(MOST_IN_HAND, round(IN_HAND / max(self.seconds, 1e-4))))

    def measured(self, seconds: float, pieces: int) -> None:
        each = seconds / pieces
        self.seconds = each if self.seconds is None else 0.7 * self.seconds + 0.3 * each

    @property
    def idle(self) -> Slot | None:
        """A loaded runner with nothing to do."""
        return next((slot for slot in self.slots if not slot.busy and not slot.ending), None)

    @property
    def wants_a_core(self) -> bool:
        """Whether something waits here that a core more would begin with, or load a runner for."""
        if not self.waiting or self.active >= self.limit:
            return False
        return self.idle is not None or self.loading < len(self.waiting)

    @property
    def active(self) -> int:
        return self.loading + sum(slot.busy for slot in self.slots)


class WorkerPool:
    """Takes pieces from the processors' queues and has them done, at most ``slots`` at a time.

    ``locate`` gives a processor's executable (raises ProcessorUnknown); ``start_runner`` is ``RunnerProcess.start`` but
    in the simulation.
    """

    def __init__(
        self,
        broker: Broker,
        locate: Callable[[str], Path],
        settings: PoolSettings,
        clock: Clock,
        start_runner: Callable[..., Awaitable[RunnerProcess]] = RunnerProcess.start,
    ) -> None:
        self.settings = settings
        self._broker = broker
        self._locate = locate
        self._start_runner = start_runner
        self._clock = clock
        self._lines: dict[str, Line] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._started = 0
        self._work = asyncio.Event()
        self._closing = False
        self._keeper = asyncio.create_task(self._keep(), name="pool keeper")

    async def serve(self, processor: str) -> None:
        """Take pieces for this processor from now on. Raises Unavailable when the broker cannot be reached."""
        if processor in self._lines:
            return
        limit = min(self.settings.slots, self.settings.slots_per_processor.get(processor, self.settings.slots))
        line = self._lines[processor] = Line(processor, limit)
        prefetch = (limit + 1) * (MOST_IN_HAND + 1)
        try:
            line.subscription = await self._broker.consume(
                queue_of(processor), prefetch, lambda deliveries: self._receive(line, deliveries)
            )
        except BaseException:
            del self._lines[processor]
            raise

    def learn(self, processor: str) -> None:
        """Load a runner of the processor, so that its handshake is heard, unless one is loaded or loading."""
        line = self._lines[processor]
        if not line.slots and not line.loading:
            self._load(line)

    def cancel(self, job: str) -> None:
        """End what this worker does for the job, or drop it where it waits. Its result says CANCELLED."""
        for line in self._lines.values():
            for held in [held for held in line.waiting if held.ticket.job == job]:
                line.waiting.remove(held)
                message = "cancelled before it began"
                self._spawn(report_end(self._broker, self._clock, held, Cause.CANCELLED, message))
            for slot in list(line.slots):
                slot.cancel(job)

    def loaded(self) -> list[tuple[str, int, bool]]:
        """``(processor, process id, busy)`` of all runners."""
        return [(line.processor, slot.runner.pid, slot.busy) for line in self._lines.values() for slot in line.slots]

    async def close(self, grace: float) -> None:
        """Let what has begun finish within ``grace`` seconds, then end all runners. What waits is handed back."""
        self._closing = True
        self._keeper.cancel()
        for line in self._lines.values():
            if line.subscription is not None:
                line.waiting.clear()
                await line.subscription.cancel()
        await self._stop_all(grace)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stop_all(0.0)  # what has been loaded meanwhile

    async def _stop_all(self, grace: float) -> None:
        stops = [
            slot.stop(grace if slot.busy else min(grace, 1.0)) for line in self._lines.values() for slot in line.slots
        ]
        await asyncio.gather(*stops, return_exceptions=True)

    def _receive(self, line: Line, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            try:
                ticket = decode_ticket(delivery.message.body)
            except msgspec.DecodeError as error:
                log.error("a message on the queue of %s cannot be read: %s", line.processor, error)
                delivery.refuse()
                continue
            line.waiting.append(Held(delivery, ticket))
        self._assign()

    def _assign(self, first: Line | None = None) -> None:
        """Give waiting pieces to runners that have room, then free cores to the processors that wait the longest.

        ``first`` comes before them: it has been waiting for a runner on a core of its own.
        """
        if self._closing:
            return
        self._work.set()
        now = self._clock.monotonic()
        active = sum(line.active for line in self._lines.values())
        alone = any(slot.alone for line in self._lines.values() for slot in line.slots)
        wants_to_be_alone = [line for line in self._lines.values() if line.waiting and line.waiting[0].ticket.alone]
        if alone or (active and wants_to_be_alone):
            return
        crowded = any(line.waiting and not line.active for line in self._lines.values())
        for line in self._lines.values():
            self._feed_busy(line, now, crowded)
        lines = wants_to_be_alone or self._lines.values()
        while active < (1 if wants_to_be_alone else self.settings.slots):
            wanting = [line for line in lines if line.wants_a_core]
            if not wanting:
                return
            line = first if first in wanting else min(wanting, key=lambda line: line.turn_at)
            first = None
            line.turn_at = now
            active += 1
            if line.idle is None:
                self._load(line)
                continue
            line.idle.feed(line.waiting.popleft())
            if not wants_to_be_alone:
                self._feed_busy(line, now, crowded=False)

    @staticmethod
    def _feed_busy(line: Line, now: float, crowded: bool) -> None:
        """Fill the hands of busy runners, the emptiest first; one whose turn is over gets nothing if others wait."""
        busy = [
            slot
            for slot in line.slots
            if slot.busy and not slot.ending and not (crowded and now - slot.busy_since > TURN)
        ]
        while line.waiting and busy and not line.waiting[0].ticket.alone:
            slot = min(busy, key=lambda slot: len(slot.held))
            if len(slot.held) >= line.in_hand:
                return
            slot.feed(line.waiting.popleft())

    def _load(self, line: Line) -> None:
        line.loading += 1
        self._spawn(self._load_runner(line))

    async def _load_runner(self, line: Line) -> None:
        try:
            await self._make_room(line)
            self._started += 1
            executable = self._locate(line.processor)
            runner = await self._start_runner(
                executable,
                log=self.settings.logs / f"{line.processor}-{self._started}.log",
                threads=self.settings.threads,
                load_limit=self.settings.load_limit,
                environment=self.settings.environment(executable),
            )
        except Exception as error:
            line.loading -= 1
            log.error("%s cannot be loaded: %s", line.processor, error, exc_info=not isinstance(error, OffizinError))
            await self._refuse(line, error)
            return
        line.loading -= 1
        slot = Slot(
            line.processor,
            runner,
            self._broker,
            self._clock,
            measured=line.measured,
            changed=self._assign,
            ended=self._slot_ended,
        )
        line.slots.append(slot)
        handshake = replace(runner.handshake, processor=line.processor)
        # Else, where few runners find room, each would have to go for the next before it has done anything.
        self._assign(line)
        await publish_at_last(self._broker, self._clock, RESULTS, [Message(Kind.LOADED, encode(handshake))])

    async def _refuse(self, line: Line, error: Exception) -> None:
        """The processor does not load: what waits for it on this worker fails, with what the program said."""
        note = Unloadable(line.processor, str(error))
        await publish_at_last(self._broker, self._clock, RESULTS, [Message(Kind.UNLOADABLE, encode(note))])
        cause = Cause.RUNNER_LOST if isinstance(error, RunnerLost) else Cause.EXIT
        while line.waiting:
            await report_end(self._broker, self._clock, line.waiting.popleft(), cause, str(error))
        self._assign()

    async def _make_room(self, line: Line) -> None:
        """Stop the runner that has been idle the longest if too many are loaded."""
        loaded = [slot for other in self._lines.values() for slot in other.slots]
        if len(loaded) < self.settings.runners:
            return
        idle = [slot for slot in loaded if not slot.busy and not slot.ending and slot not in line.slots]
        if idle:
            await self._retire(min(idle, key=lambda slot: slot.idle_since))

    async def _retire(self, slot: Slot) -> None:
        slot.ending = True
        await slot.stop(grace=5.0)

    def _slot_ended(self, slot: Slot, unbegun: list[Held]) -> None:
        line = self._lines[slot.processor]
        if slot in line.slots:
            line.slots.remove(slot)
        line.waiting.extendleft(reversed(unbegun))
        self._assign()

    async def _keep(self) -> None:
        """While anything is busy: look after time limits and notes. Now and then: let idle runners go."""
        while True:
            slots = [slot for line in self._lines.values() for slot in line.slots]
            busy = [slot for slot in slots if slot.busy]
            if not busy:
                self._work.clear()
                try:
                    async with asyncio.timeout(self.settings.idle_limit / 4 if slots else None):
                        await self._work.wait()
                except TimeoutError:
                    self._retire_idle(slots)
                continue
            await self._clock.sleep(TICK)
            for slot in busy:
                await slot.check()

    def _retire_idle(self, slots: Sequence[Slot]) -> None:
        now = self._clock.monotonic()
        for slot in slots:
            if not slot.busy and not slot.ending and now - slot.idle_since > self.settings.idle_limit:
                slot.ending = True
                self._spawn(self._retire(slot))

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
