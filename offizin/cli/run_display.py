"""What a user sees while a run goes on: one line for each step, moving on a terminal, now and then elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from offizin.cli.pace import Pace
from offizin.cli.wording import duration, rate
from offizin.client import RunSummary, StepSummary
from offizin.clock import Clock
from offizin.jobs import State

# Plain lines at most so often, in seconds; the end of a step is told at once.
EVERY = 5.0


class RunDisplay(Protocol):
    def show(self, run: RunSummary) -> None: ...

    def note(self, text: str) -> None: ...


@contextmanager
def run_display(console: Console, clock: Clock, *, quiet: bool = False) -> Iterator[RunDisplay]:
    """``console`` is that of standard error. Ends the display when the block ends."""
    if quiet:
        yield SilentDisplay(console)
    elif not console.is_terminal:
        yield PlainDisplay(console, clock)
    else:
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TextColumn("{task.fields[failed]}", style="bold red"),
            TextColumn("{task.fields[pace]}", style="dim"),
        )
        progress = Progress(*columns, console=console, refresh_per_second=8)
        try:
            yield BarDisplay(progress, clock)
        finally:
            progress.stop()


class SilentDisplay:
    """Notes only: what is waited for is not shown."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def show(self, run: RunSummary) -> None:
        pass

    def note(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)


class BarDisplay:
    """A bar for each step, from the first look at the run on."""

    def __init__(self, progress: Progress, clock: Clock) -> None:
        self._progress = progress
        self._clock = clock
        self._bars: dict[int, TaskID] = {}
        self._paces: dict[int, Pace] = {}

    def show(self, run: RunSummary) -> None:
        width = max((len(step_name(step)) for step in run.steps), default=0)
        for step in run.steps:
            if step.number not in self._bars:
                name = step_name(step).ljust(width)
                self._bars[step.number] = self._progress.add_task(name, total=step.total, failed="", pace="")
            pace = self._paces.setdefault(step.number, Pace())
            pace.seen(self._clock.monotonic(), step.over)
            self._progress.update(
                self._bars[step.number],
                completed=step.over,
                total=step.total,
                failed=trouble(step),
                pace=pace_words(pace, step),
            )
        self._progress.start()

    def note(self, text: str) -> None:
        self._progress.console.print(text, markup=False, soft_wrap=True)


class PlainDisplay:
    """Lines for a log file: when a step is over, and every few seconds what is under way."""

    def __init__(self, console: Console, clock: Clock) -> None:
        self._console = console
        self._clock = clock
        self._told_at = clock.monotonic()
        self._over: set[int] = set()
        self._paces: dict[int, Pace] = {}

    def show(self, run: RunSummary) -> None:
        now = self._clock.monotonic()
        due = now - self._told_at >= EVERY
        for step in run.steps:
            pace = self._paces.setdefault(step.number, Pace())
            pace.seen(now, step.over)
            ended = step.over == step.total and step.total > 0
            under_way = step.over or step.count(State.RUNNING) or step.paused
            if (ended and step.number not in self._over) or (due and under_way and not ended):
                self._told_at = now
                words = ["over" if ended else pace_words(pace, step), trouble(step)]
                rest = "".join(f", {word}" for word in words if word)
                self.note(f"{step_name(step)}: {step.over:,}/{step.total:,}{rest}")
            if ended:
                self._over.add(step.number)
            else:
                self._over.discard(step.number)

    def note(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)


def step_name(step: StepSummary) -> str:
    return f"{step.number + 1} {step.processor.removeprefix('ocrd-')}"


def trouble(step: StepSummary) -> str:
    """What does not work out: as in ``2 failed, 5 cancelled, paused``."""
    parts = [(step.count(State.FAILED), "failed"), (step.count(State.CANCELLED), "cancelled")]
    words = [f"{number:,} {what}" for number, what in parts if number]
    return ", ".join([*words, "paused"] if step.paused and step.over < step.total else words)


def pace_words(pace: Pace, step: StepSummary) -> str:
    """As in ``4.0/min, 3:10 min left``."""
    left = pace.time_left(step.total) if step.over < step.total else None
    return ", ".join(word for word in (rate(pace.rate), f"{duration(left)} left" if left else "") if word)
