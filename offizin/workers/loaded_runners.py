"""The runners of a worker: loaded when a processor needs one more, ended when they are idle or in the way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial

from offizin.background import Background
from offizin.clock import Clock
from offizin.errors import OffizinError, RunnerLost
from offizin.messages import Cause
from offizin.tallies import Tallies
from offizin.workers.line import Line, Lines
from offizin.workers.loading import Loading, PoolSettings
from offizin.workers.membership import Held, Membership
from offizin.workers.reports import Reports
from offizin.workers.slot import Slot

log = logging.getLogger(__name__)

# For an idle runner to end by itself, in seconds.
GRACE = 5.0


class LoadedRunners:
    """``assign`` gives out waiting pieces, with a line that comes first; ``left_over`` takes back what a runner that
    has ended had not begun."""

    def __init__(
        self,
        lines: Lines,
        loading: Loading,
        settings: PoolSettings,
        membership: Membership,
        reports: Reports,
        clock: Clock,
        tallies: Tallies,
        background: Background,
        *,
        assign: Callable[[Line | None], None],
        left_over: Callable[[Line, list[Held]], None],
    ) -> None:
        self._lines = lines
        self._loading = loading
        self._settings = settings
        self._membership = membership
        self._reports = reports
        self._clock = clock
        self._tallies = tallies
        self._background = background
        self._assign = assign
        self._left_over = left_over

    def learn(self, line: Line) -> None:
        """Load a runner, so that its handshake is heard, unless one is loading."""
        if line.slots:
            self._background.spawn(self._loading.tell_loaded(line.processor, line.slots[0].runner.handshake))
        elif not line.loading:
            self.load(line)

    def load(self, line: Line) -> None:
        line.loading += 1
        self._background.spawn(self._load(line))

    def retire_idle(self) -> None:
        """End those that have had nothing to do for long."""
        now = self._clock.monotonic()
        for slot in self._lines.slots:
            if not slot.busy and not slot.ending and now - slot.idle_since > self._settings.idle_limit:
                slot.ending = True
                self._background.spawn(slot.stop(GRACE))

    async def stop_all(self, grace: float) -> None:
        """What has begun may finish within ``grace`` seconds."""
        stops = [slot.stop(grace if slot.busy else min(grace, 1.0)) for slot in self._lines.slots]
        await asyncio.gather(*stops, return_exceptions=True)

    async def _load(self, line: Line) -> None:
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
            changed=partial(self._assign, None),
            ended=partial(self._ended, line),
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
        self._assign(None)

    async def _make_room(self, line: Line) -> None:
        """Stop the runner that has been idle the longest if too many are loaded."""
        loaded: Sequence[Slot] = self._lines.slots
        if len(loaded) < self._settings.runners:
            return
        idle = [slot for slot in loaded if not slot.busy and not slot.ending and slot not in line.slots]
        if idle:
            oldest = min(idle, key=lambda slot: slot.idle_since)
            oldest.ending = True
            await oldest.stop(GRACE)

    def _measured(self, line: Line, seconds: float, number: int) -> None:
        line.measured(seconds, number)
        self._tallies.pieces_took(line.processor, seconds / number, number)

    def _ended(self, line: Line, slot: Slot, unbegun: list[Held]) -> None:
        if slot in line.slots:
            line.slots.remove(slot)
        self._left_over(line, unbegun)
