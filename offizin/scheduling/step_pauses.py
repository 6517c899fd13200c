"""Steps of runs that begin nothing more, until somebody resumes them; other steps and runs go on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from offizin.clock import Clock
from offizin.errors import Conflict, InvalidRequest
from offizin.scheduling.breaker import Step, Trip
from offizin.scheduling.ownership import Ownership
from offizin.scheduling.to_the_end import to_the_end
from offizin.store import events, held, pauses, runs
from offizin.store.events import PAUSED, RESUMED, Change
from offizin.store.pauses import PauseKind, place_name, step_name
from offizin.store.runs import RunRow
from offizin.store.transaction import Database, Transaction


@dataclass(frozen=True, slots=True)
class Resumed:
    """``steps``, from 0, that may go on."""

    steps: tuple[int, ...]
    processors: frozenset[str]


class StepPauses:
    """``wake`` with the processors concerned; ``look`` is awaited when what is paused is other than before, before
    ``changed`` is called. Methods raise OwnedElsewhere and Unavailable."""

    def __init__(
        self,
        database: Database,
        ownership: Ownership,
        clock: Clock,
        *,
        wake: Callable[[Collection[str]], None],
        look: Callable[[], Awaitable[None]],
        changed: Callable[[], None],
    ) -> None:
        self._database = database
        self._ownership = ownership
        self._clock = clock
        self._wake = wake
        self._look = look
        self._changed = changed

    async def pause(self, run: RunRow, step: int) -> None:
        """What has begun, or lies before a worker, is still done. What is paused already stays so. Raises Conflict when
        nothing of the step is to be done any more."""
        now = self._clock.now()

        def write(tx: Transaction) -> Resumed:
            self._ownership.take(tx, run.workspace)
            _require(tx, run, step)
            if not pause_step(tx, run.seq, run.id, step, now):
                raise Conflict(f"step {step + 1} of run {run.id} is over", advice="There is nothing to pause.")
            events.add(tx, [Change(run.id, PAUSED, step=step)], now)
            return Resumed((), frozenset())

        await to_the_end(self._carry_out(write))

    async def resume(self, run: RunRow, step: int | None = None) -> Resumed:
        """One step, or all that are paused. Raises Conflict when none is."""
        now = self._clock.now()

        def write(tx: Transaction) -> Resumed:
            self._ownership.take(tx, run.workspace)
            steps = [n for n in pauses.steps_of_run(tx, run.id) if step is None or n == step]
            if not steps:
                which = (
                    f"run {run.id} has no paused step" if step is None else f"{step_name(run.id, step)} is not paused"
                )
                raise Conflict(which, advice="`offizin status RUN` tells what is paused.")
            for number in steps:
                pauses.remove(tx, PauseKind.STEP, step_name(run.id, number))
            processors = held.release_steps(tx, run.seq, steps)
            events.add(tx, [Change(run.id, RESUMED, step=number) for number in steps], now)
            return Resumed(tuple(steps), frozenset(processors))

        return await to_the_end(self._carry_out(write))

    async def _carry_out(self, write: Callable[[Transaction], Resumed]) -> Resumed:
        resumed = await self._database.write(write, synced=True)
        await self._look()
        self._wake(resumed.processors)
        self._changed()
        return resumed


def pause(tx: Transaction, trip: Trip, now: float) -> Change | None:
    """What the breaker wants, unless nothing would wait for it; then None."""
    of = trip.of
    if isinstance(of, Step):
        if not pause_step(tx, trip.run, of.run_id, of.number, now, trip.cause, trip.message):
            return None
        return Change(of.run_id, PAUSED, step=of.number, cause=trip.cause, message=trip.message)
    name = place_name(of.host, of.processor)
    if not pauses.add(tx, PauseKind.HOST_AND_PROCESSOR, name, now, trip.cause, trip.message):
        return None
    return Change("", PAUSED, cause=trip.cause, message=f"{name}: {trip.message}")


def pause_step(
    tx: Transaction, run: int, run_id: str, step: int, now: float, cause: str = "", message: str = ""
) -> bool:
    """Hold all that is live of the step. False, and nothing done, when nothing is."""
    if not held.hold_steps(tx, run, [step]):
        return False
    pauses.add(tx, PauseKind.STEP, step_name(run_id, step), now, cause, message)
    return True


def hold_again(tx: Transaction, run: RunRow) -> None:
    """What was over and waits again does so in its paused step, too."""
    if steps := pauses.steps_of_run(tx, run.id):
        held.hold_steps(tx, run.seq, steps)


def _require(tx: Transaction, run: RunRow, step: int) -> None:
    steps = runs.steps_of(tx, run.seq)
    if not any(row.number == step for row in steps):
        raise InvalidRequest(f"run {run.id} has no step {step + 1}", advice=f"It has {len(steps)}, counted from 1.")
