"""All slots of one worker: which processor may use the cores next, with which runner."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from offizin.background import Background
from offizin.brokers.broker import Broker, Delivery, queue_of
from offizin.clock import Clock
from offizin.messages import AttemptName, Cause, Claimed
from offizin.tallies import Tallies
from offizin.workers.attempt_logs import AttemptLogs
from offizin.workers.intake import Intake
from offizin.workers.line import Line, Lines
from offizin.workers.live_logs import LiveLogs
from offizin.workers.loaded_runners import LoadedRunners
from offizin.workers.loading import Loading, PoolSettings
from offizin.workers.membership import Held, Membership
from offizin.workers.reports import Reports
from offizin.workers.runner import Runner
from offizin.workers.runner_process import RunnerProcess
from offizin.workers.turns import Turns

# Between two looks at what is busy, in seconds.
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
        self._reports = Reports(broker, clock, self._membership.session, settings.job_logs, logs)
        self._live_logs = None if logs is None else LiveLogs(logs, self._begun, clock)
        self._intake = Intake(self._membership, self.held)
        self._loading = Loading(broker, clock, settings, self._membership, locate, start_runner)
        self._broker = broker
        self._clock = clock
        self._lines = Lines()
        self._resumed: list[Held] = []
        self._background = Background()
        self._runners = LoadedRunners(
            self._lines, self._loading, settings, self._membership, self._reports, clock, tallies or Tallies(),
            self._background, assign=self._assign, left_over=self._left_over,
        )  # fmt: skip
        self._turns = Turns(self._lines, settings.slots, self._runners.load)
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
        line = Line(processor, limit, resting=self._rests(processor))
        line.waiting.extend(held for held in self._resumed if held.ticket.processor == processor)
        self._resumed = [held for held in self._resumed if held.ticket.processor != processor]
        self._lines.add(line)
        if line.resting:
            return
        try:
            await self._listen(line)
        except BaseException:
            self._lines.remove(processor)
            raise

    def resume(self, pieces: Sequence[Held]) -> None:
        """Go on with these as soon as their processors are served: an earlier process of this session had them."""
        self._resumed.extend(pieces)

    def resize(self, processor: str, slots: int) -> None:
        """So many pieces of it at once from now on; what has begun goes on."""
        self._lines[processor].limit = slots
        self._assign()

    async def _listen(self, line: Line) -> None:
        prefetch = (line.limit + 1) * (self.settings.in_hand + 1)
        line.subscription = await self._broker.consume(
            queue_of(line.processor), prefetch, lambda deliveries: self._receive(line, deliveries)
        )

    def learn(self, processor: str) -> None:
        """Load a runner of the processor, so that its handshake is heard, unless one is loading."""
        self._runners.learn(self._lines[processor])

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
            for line in self._lines:
                line.resting = self._rests(line.processor)
            for line in self._lines:
                if line.resting:
                    await self._give_back(line)
                elif line.subscription is None:
                    await self._listen(line)
            self.paused, self.paused_processors = wanted
        self._assign()

    def claim_answered(self, answer: Claimed) -> None:
        """The server's word on what had to be claimed."""
        for held in self._intake.answered(answer):
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
        in_lines = [held.name for line in self._lines for held in line.held()]
        return [*(held.name for held in self._resumed), *in_lines]

    def held_by_processor(self) -> dict[str, int]:
        """How many pieces are in the hands of this worker."""
        return {line.processor: len(line.held()) for line in self._lines}

    def renew(self, seconds: float) -> None:
        """From now on runners may write for so long."""
        for slot in self._lines.slots:
            slot.runner.renew(seconds)
        self._assign()  # if nothing could begin before

    async def abandon(self) -> None:
        """Kill all runners, at once; nothing is reported. Returns when they are gone."""
        for slot in self._lines.slots:
            slot.abandon()
        await self.close(0.0)

    def cancel(self, job: str) -> None:
        """End what this worker does for the job, or drop it where it waits. Its result says CANCELLED."""
        for line in self._lines:
            for held in [held for held in line.waiting if held.ticket.job == job]:
                line.waiting.remove(held)
                message = "cancelled before it began"
                self._background.spawn(self._reports.end(held, Cause.CANCELLED, message))
            for slot in list(line.slots):
                slot.cancel(job)

    @property
    def processors(self) -> list[str]:
        """Those that it takes pieces for."""
        return [line.processor for line in self._lines]

    def loaded(self) -> list[tuple[str, int, bool]]:
        """``(processor, process id, busy)`` of all runners."""
        return [(line.processor, slot.runner.pid, slot.busy) for line in self._lines for slot in line.slots]

    async def close(self, grace: float) -> None:
        """Let what has begun finish within ``grace`` seconds, then end all runners. What waits is handed back."""
        self._closing = True
        self._keeper.cancel()
        for line in self._lines:
            await self._give_back(line)
        await self._runners.stop_all(grace)
        if self._live_logs is not None:
            await self._live_logs.stop()
        await self._background.cancel()
        await self._runners.stop_all(0.0)  # what has been loaded meanwhile
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
                self._background.spawn(self._reports.hand_back(held))
        return [held for held in found if not self._rests(held.ticket.processor)]

    def _receive(self, line: Line, deliveries: Sequence[Delivery]) -> None:
        line.waiting.extend(self._intake.received(line.processor, deliveries))
        self._assign()

    def _assign(self, first: Line | None = None) -> None:
        """Give out what waits; ``first`` comes before the others."""
        if not self._closing and not self._paused and self._membership.may_work:
            self._work.set()
            self._turns.give(self._clock.monotonic(), first)

    def _left_over(self, line: Line, unbegun: list[Held]) -> None:
        line.waiting.extendleft(reversed(self._not_given_back(unbegun)))
        self._assign()

    def _begun(self) -> list[Held]:
        """What runners are at."""
        return [slot.held[0] for slot in self._lines.slots if slot.held]

    async def _keep(self) -> None:
        """While anything is busy: look after time limits and notes. Now and then: let idle runners go."""
        while True:
            slots = self._lines.slots
            busy = [slot for slot in slots if slot.busy]
            if not busy:
                self._work.clear()
                try:
                    async with asyncio.timeout(self.settings.idle_limit / 4 if slots else None):
                        await self._work.wait()
                except TimeoutError:
                    self._runners.retire_idle()
                continue
            await self._clock.sleep(TICK)
            for slot in busy:
                await slot.check()
