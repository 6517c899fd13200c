"""All slots of one worker: which processor may use the cores next, with which runner."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path

from offizin.brokers.broker import Broker, Delivery, queue_of
from offizin.clock import Clock
from offizin.errors import OffizinError, RunnerLost
from offizin.messages import AttemptName, Cause
from offizin.tallies import Tallies
from offizin.workers.attempt_logs import AttemptLogs
from offizin.workers.intake import Intake
from offizin.workers.line import MOST_IN_HAND, Line
from offizin.workers.live_logs import LiveLogs
from offizin.workers.loading import Loading, PoolSettings
from offizin.workers.membership import Held, Membership
from offizin.workers.reports import Reports
from offizin.workers.runner import Runner
from offizin.workers.runner_process import RunnerProcess
from offizin.workers.slot import Slot

log = logging.getLogger(__name__)

# How long a runner keeps its core while other processors wait.
TURN = 0.05
TICK = 0.05


class WorkerPool:
    """Takes pieces from the processors' queues and has them done, at most ``slots`` at a time.

    ``locate`` gives a processor's executable (raises ProcessorUnknown); ``start_runner`` is ``RunnerProcess.start`` but
    in the simulation. ``logs`` sees to job logs where the server's home is elsewhere. ``paused``: nothing begins here,
    and what had not begun has been given back.
    """

    def __init__(
        self,
        broker: Broker,
        locate: Callable[[str], Path],
        settings: PoolSettings,
        clock: Clock,
        start_runner: Callable[..., Awaitable[Runner]] = RunnerProcess.start,
        membership: Membership | None = None,
        logs: AttemptLogs | None = None,
        tallies: Tallies | None = None,
    ) -> None:
        self.settings = settings
        self._membership = membership or Membership()
        self._tallies = tallies or Tallies()
        self._reports = Reports(broker, clock, self._membership.session, settings.job_logs, logs)
        self._live_logs = None if logs is None else LiveLogs(logs, self._begun, clock)
        self._intake = Intake(self._membership, self.held)
        self._loading = Loading(broker, clock, settings, self._membership, locate, start_runner)
        self._broker = broker
        self._clock = clock
        self._lines: dict[str, Line] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.paused = self._paused = self._membership.begins_paused
        self.paused_processors = self._paused_processors = self._membership.begins_without
        self._pausing = asyncio.Lock()
        self._work = asyncio.Event()
        self._closing = False
        self._keeper = asyncio.create_task(self._keep(), name="pool keeper")

    async def serve(self, processor: str) -> None:
        """Take pieces for this processor from now on. Raises Unavailable when the broker cannot be reached."""
        if processor in self._lines:
            return
        limit = min(self.settings.slots, self.settings.slots_per_processor.get(processor, self.settings.slots))
        line = self._lines[processor] = Line(processor, limit)
        line.resting = self._rests(processor)
        if line.resting:
            return
        try:
            await self._listen(line)
        except BaseException:
            del self._lines[processor]
            raise

    async def _listen(self, line: Line) -> None:
        prefetch = (line.limit + 1) * (MOST_IN_HAND + 1)
        line.subscription = await self._broker.consume(
            queue_of(line.processor), prefetch, lambda deliveries: self._receive(line, deliveries)
        )

    def learn(self, processor: str) -> None:
        """Load a runner of the processor, so that its handshake is heard, unless one is loading."""
        line = self._lines[processor]
        if line.slots:
            self._spawn(self._loading.tell_loaded(processor, line.slots[0].runner.handshake))
        elif not line.loading:
            self._load(line)

    def _rests(self, processor: str) -> bool:
        return self._paused or processor in self._paused_processors

    async def pause(self, paused: bool, processors: frozenset[str] = frozenset()) -> None:
        """Begin nothing more (or nothing with these processors), and give back what has not begun; or begin again. What
        has begun goes on.

        Raises Unavailable when the broker cannot be reached; then it is not ``paused`` as was said.
        """
        async with self._pausing:
            wanted = (paused, processors)
            is_so = (self.paused, self.paused_processors) == (self._paused, self._paused_processors) == wanted
            if is_so or self._closing:
                return
            self._paused, self._paused_processors = wanted
            for line in self._lines.values():
                line.resting = self._rests(line.processor)
            for line in list(self._lines.values()):
                if line.resting:
                    await self._give_back(line)
                elif line.subscription is None:
                    await self._listen(line)
            self.paused, self.paused_processors = wanted
        self._assign()

    def claim_answered(self, granted: Sequence[AttemptName], refused: Sequence[AttemptName]) -> None:
        """The server's word on what had to be claimed."""
        for held in self._intake.answered(granted, refused):
            self._lines[held.ticket.processor].waiting.extend(self._not_given_back([held]))
        self._assign()

    def claim_again(self) -> None:
        """Ask once more for everything that no answer has come for."""
        self._intake.claim_again()

    def follow_log(self, job: str, seconds: float) -> None:
        """Somebody reads the job's log: for so long, send what it writes as it writes it."""
        if self._live_logs is not None:
            self._live_logs.follow(job, seconds)

    def held(self) -> list[AttemptName]:
        """All that is in the hands of this worker, begun or not."""
        return [held.name for line in self._lines.values() for held in line.held()]

    def held_by_processor(self) -> dict[str, int]:
        """How many pieces are in the hands of this worker."""
        return {line.processor: len(line.held()) for line in self._lines.values()}

    def renew(self, seconds: float) -> None:
        """From now on runners may write for so long."""
        for line in self._lines.values():
            for slot in line.slots:
                slot.runner.renew(seconds)
        self._assign()  # if nothing could begin before

    async def abandon(self) -> None:
        """Kill all runners, at once; nothing is reported. Returns when they are gone."""
        for line in self._lines.values():
            for slot in line.slots:
                slot.abandon()
        await self.close(0.0)

    def cancel(self, job: str) -> None:
        """End what this worker does for the job, or drop it where it waits. Its result says CANCELLED."""
        for line in self._lines.values():
            for held in [held for held in line.waiting if held.ticket.job == job]:
                line.waiting.remove(held)
                message = "cancelled before it began"
                self._spawn(self._reports.end(held, Cause.CANCELLED, message))
            for slot in list(line.slots):
                slot.cancel(job)

    @property
    def processors(self) -> list[str]:
        """Those that it takes pieces for."""
        return list(self._lines)

    def loaded(self) -> list[tuple[str, int, bool]]:
        """``(processor, process id, busy)`` of all runners."""
        return [(line.processor, slot.runner.pid, slot.busy) for line in self._lines.values() for slot in line.slots]

    async def close(self, grace: float) -> None:
        """Let what has begun finish within ``grace`` seconds, then end all runners. What waits is handed back."""
        self._closing = True
        self._keeper.cancel()
        for line in self._lines.values():
            await self._give_back(line)
        await self._stop_all(grace)
        if self._live_logs is not None:
            await self._live_logs.stop()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stop_all(0.0)  # what has been loaded meanwhile
        await self._loading.stop()

    async def _give_back(self, line: Line) -> None:
        """All that has not begun, and listen no more."""
        if self._membership.session and self._membership.may_work:
            # Else the broker would give what has begun to somebody else, who would have to ask.
            for slot in line.slots:
                await slot.take_over_all()
            for held in [held for held in line.waiting if held.taken]:
                await self._reports.hand_back(held)
        line.waiting.clear()
        subscription, line.subscription = line.subscription, None
        if subscription is not None:
            await subscription.cancel()

    def _not_given_back(self, found: list[Held]) -> list[Held]:
        """What may wait here for its turn: nothing, if nothing begins here now."""
        if not self._membership.session:
            return found
        for held in found:
            if self._rests(held.ticket.processor):
                self._spawn(self._reports.hand_back(held))
        return [held for held in found if not self._rests(held.ticket.processor)]

    async def _stop_all(self, grace: float) -> None:
        stops = [
            slot.stop(grace if slot.busy else min(grace, 1.0)) for line in self._lines.values() for slot in line.slots
        ]
        await asyncio.gather(*stops, return_exceptions=True)

    def _receive(self, line: Line, deliveries: Sequence[Delivery]) -> None:
        line.waiting.extend(self._intake.received(line.processor, deliveries))
        self._assign()

    def _assign(self, first: Line | None = None) -> None:
        """Give waiting pieces to runners that have room, then free cores to the processors that wait the longest.

        ``first`` comes before them: it has been waiting for a runner on a core of its own.
        """
        if self._closing or self._paused or not self._membership.may_work:
            return
        self._work.set()
        for line in self._lines.values():
            line.drop_gone()
        now = self._clock.monotonic()
        active = sum(line.active for line in self._lines.values())
        alone = any(slot.alone for line in self._lines.values() for slot in line.slots)
        wants_to_be_alone = [line for line in self._lines.values() if line.wants_to_be_alone]
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
        while line.waiting and busy and not line.resting and not line.waiting[0].ticket.alone:
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
            runner = await self._loading.start(line.processor)
        except Exception as error:
            line.loading -= 1
            log.error("%s cannot be loaded: %s", line.processor, error, exc_info=not isinstance(error, OffizinError))
            await self._refuse(line, error)
            return
        line.loading -= 1
        slot = Slot(
            line.processor,
            runner,
            self._reports,
            self._clock,
            self._membership,
            measured=partial(self._measured, line),
            changed=self._assign,
            ended=self._slot_ended,
        )
        line.slots.append(slot)
        # Else, where few runners find room, each would have to go for the next before it has done anything.
        self._assign(line)
        await self._loading.tell_loaded(line.processor, runner.handshake)

    async def _refuse(self, line: Line, error: Exception) -> None:
        """The processor does not load: what waits for it on this worker fails, with what the program said."""
        await self._loading.tell_unloadable(line.processor, error)
        cause = Cause.RUNNER_LOST if isinstance(error, RunnerLost) else Cause.EXIT
        while line.waiting:
            await self._reports.end(line.waiting.popleft(), cause, str(error))
        self._assign()

    def _begun(self) -> list[Held]:
        """What runners are at."""
        return [slot.held[0] for line in self._lines.values() for slot in line.slots if slot.held]

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

    def _measured(self, line: Line, seconds: float, number: int) -> None:
        line.measured(seconds, number)
        self._tallies.pieces_took(line.processor, seconds / number, number)

    def _slot_ended(self, slot: Slot, unbegun: list[Held]) -> None:
        line = self._lines[slot.processor]
        if slot in line.slots:
            line.slots.remove(slot)
        line.waiting.extendleft(reversed(self._not_given_back(unbegun)))
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
