"""A slot: one warm runner, and the pieces that are in its hands."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from offizin.clock import Clock
from offizin.errors import Unavailable
from offizin.messages import Cause, decode_piece
from offizin.workers.exit_causes import cause_of
from offizin.workers.membership import Held, Membership
from offizin.workers.reports import Report, Reports
from offizin.workers.runner import Runner
from offizin.workers.runner_lines import Reported, Started
from offizin.workspaces.unfinished_files import delete_unfinished_files

# A runner with so many pieces in hand is heard only so often (seconds): its reports share a turn of the loop.
MANY_IN_HAND = 6
LISTEN_EVERY = 0.01

# A piece that is over sooner is never shown as running.
NOTE_AFTER = 0.03
# What waits so long behind another in a runner's hands is taken over, too: no broker waits for ever for an answer.
TAKE_ALL_AFTER = 2.0


class Slot:
    """Feeds one runner, in order, and passes on what it reports.

    ``changed`` is called whenever the slot has room again; ``ended`` once its runner is gone, with the pieces that it
    had not begun, which nobody is to blame for.
    """

    def __init__(
        self,
        processor: str,
        runner: Runner,
        reports: Reports,
        clock: Clock,
        membership: Membership,
        *,
        measured: Callable[[float, int], None],
        changed: Callable[[], None],
        ended: Callable[[Slot, list[Held]], None],
    ) -> None:
        self.runner = runner
        self.processor = processor
        self.held: deque[Held] = deque()
        self.idle_since = clock.monotonic()
        self.busy_since = 0.0
        self._reports = reports
        self._clock = clock
        self._membership = membership
        self._measured = measured
        self._changed = changed
        self._ended = ended
        self._begun = False  # the first of ``held`` is being worked on
        self._progress_at = 0.0
        self._stopping = False
        self._abandoned = False
        self._reason: tuple[Held, Cause, str] | None = None
        self._reporting = False
        self.ending = False  # nothing more may be fed
        self._reader = asyncio.create_task(self._read(), name=f"slot {runner.pid}")

    @property
    def busy(self) -> bool:
        return bool(self.held)

    @property
    def alone(self) -> bool:
        return bool(self.held) and self.held[0].ticket.alone

    def feed(self, held: Held) -> None:
        if not self.held:
            self.busy_since = self._progress_at = self._clock.monotonic()
        self.held.append(held)
        self.runner.send(held.delivery.message.body)

    def end(self, cause: Cause, message: str) -> None:
        """Kill the runner with all its children; the piece that it has begun fails with this cause, unless the end of
        that is on its way already."""
        if self._reason is None:
            self._reason = (self.held[0], cause, message)
        self.ending = True
        self.runner.kill()

    def abandon(self) -> None:
        """Kill the runner; what it had is nobody's any more, and nothing is said of it."""
        self._abandoned = self._stopping = self.ending = True
        self.runner.kill()

    def cancel(self, job: str) -> bool:
        """End the runner if it works on this job now, or as soon as it does: it has the pieces already."""
        for held in self.held:
            held.cancelled = held.cancelled or held.ticket.job == job
        return self._end_cancelled()

    def _end_cancelled(self) -> bool:
        if self._begun and self.held and self.held[0].cancelled:
            self.end(Cause.CANCELLED, "cancelled")
            return True
        return False

    async def check(self) -> None:
        """Called some twenty times a second while the slot is busy: note what runs, end what runs too long."""
        if not self._begun or not self.held or self._reporting:
            return
        if self.runner.memory is not None:
            self.runner.memory.look()
        now, first = self._clock.monotonic(), self.held[0]
        running = now - self._progress_at
        if not first.noted and running >= NOTE_AFTER:
            await self._take_over(first, running)
        if running >= TAKE_ALL_AFTER:
            await self.take_over_all()
        limit = first.ticket.time_limit
        # Of a plain program no page's end is heard here; whoever calls it looks after its time.
        if limit is not None and running > limit and not self.runner.handshake.plain:
            self.end(Cause.TIMEOUT, f"no page was done within the time limit of {limit:g} s")

    async def take_over_all(self) -> None:
        """Tell the servers of all that is in hand."""
        for held in [held for held in self.held if not held.taken]:
            await self._take_over(held, None)

    async def _take_over(self, held: Held, running: float | None) -> None:
        """Tell the server that we have it (and for how long it has been running); then the broker may forget it."""
        held.noted = held.noted or running is not None
        try:
            await self._reports.taken(held, running)
        except Unavailable:
            held.noted = held.noted and running is None
        else:
            held.taken = True
            held.delivery.acknowledge()

    async def stop(self, grace: float) -> None:
        """Let the runner finish and leave, within ``grace`` seconds. For what it does not finish nobody is to blame: it
        is handed back."""
        self._stopping = True
        await self.runner.stop(grace)
        await self._reader

    async def _read(self) -> None:
        async for events in self.runner.events():
            now = self._clock.monotonic()
            reports: list[Report] = []
            finished = 0
            for event in events:
                if isinstance(event, Started):
                    self._begun = True
                elif isinstance(event, Reported):
                    reports.append(Report(self.held[0], event.body, event.end))
                    if event.end:
                        self._begun = False
                        self.held.popleft()
                        finished += 1
            if finished:
                self._measured(now - self._progress_at, finished)
            self._progress_at = now
            self._end_cancelled()
            if not self.held:
                self.idle_since = now
            if reports and not self._abandoned:
                self._reporting = True
                await self._reports.pass_on(reports)
                self._reporting = False
                self._progress_at = self._clock.monotonic()
            if finished:
                self._changed()
                await self._reports.forget_logs(reports)
            if len(self.held) >= MANY_IN_HAND:
                self.runner.pause(LISTEN_EVERY)
        await self._bury()

    async def _bury(self) -> None:
        """The runner is gone: charge the piece that it was ended for or has died of, give the others back."""
        self.ending = True
        return_code = await self.runner.wait()
        left = list(self.held)
        self.held.clear()
        if left:
            await asyncio.to_thread(_clear_up, [held.delivery.message.body for held in left])
        if self._stopping:
            if self._membership.session and not self._abandoned:
                for held in left:
                    await self._reports.hand_back(held)
            left = []
        # If a runner dies on what it has just been sent, the first piece is blamed, or it would go round for ever. But
        # if we have ended it for another one, which was done after all, then the first is innocent.
        if left and (self._reason is None or left[0] is self._reason[0]):
            first = left.pop(0)
            memory = self.runner.memory
            if self._reason is None:
                cause, message = cause_of(return_code, out_of_memory=memory is not None and memory.ended_by_kernel())
            else:
                cause, message = self._reason[1:]
            seconds = self._clock.monotonic() - self._progress_at
            peak = 0 if memory is None else memory.peak
            await self._reports.end(first, cause, message, seconds, runner=self.runner.pid, peak_memory=peak)
        for held in left:
            if held.cancelled:
                await self._reports.end(held, Cause.CANCELLED, "cancelled before it began")
        self._ended(self, [held for held in left if not held.cancelled])


def _clear_up(pieces: Sequence[bytes]) -> None:
    """What a runner was writing when it was killed is worth nothing."""
    found = [decode_piece(piece) for piece in pieces]
    for directory, file_grps in {(piece.directory, tuple(piece.output_file_grps)) for piece in found}:
        delete_unfinished_files(Path(directory), file_grps)
