"""The lines of a run's progress where nobody looks at a terminal."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from offizin.cli.run_display import BarDisplay, PlainDisplay, run_display
from offizin.client import RunSummary, StepSummary
from offizin.jobs import State


class FakeClock:
    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    def new_id(self) -> str:
        raise NotImplementedError

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


def run(*steps: dict[State, int]) -> RunSummary:
    made = [StepSummary(n, f"ocrd-s{n}", counts=counts) for n, counts in enumerate(steps)]
    return RunSummary("r", State.RUNNING, "/b/mets.xml", 0.0, steps=made)


def plain() -> tuple[PlainDisplay, FakeClock, StringIO]:
    stream, clock = StringIO(), FakeClock()
    return PlainDisplay(Console(file=stream, width=100), clock), clock, stream


def test_a_step_is_told_when_it_is_over_and_only_once() -> None:
    display, _, stream = plain()
    display.show(run({State.SUCCESS: 1, State.RUNNING: 1}, {State.CACHED: 2}))
    assert stream.getvalue() == ""
    for _ in range(2):
        display.show(run({State.SUCCESS: 1, State.FAILED: 1}, {State.CACHED: 1, State.CANCELLED: 1}))
    assert stream.getvalue() == "1 s0: 2/2, over, 1 failed\n"


def test_what_is_under_way_is_told_every_few_seconds() -> None:
    display, clock, stream = plain()
    for second in range(12):
        clock.time = float(second)
        display.show(run({State.SUCCESS: second, State.RUNNING: 1, State.CACHED: 99 - second}, {State.CACHED: 100}))
    assert stream.getvalue().splitlines() == ["1 s0: 5/100, 1.0/s, 1:35 min left", "1 s0: 10/100, 1.0/s, 1:30 min left"]


def test_a_step_that_waits_because_it_is_paused_says_so() -> None:
    display, clock, stream = plain()
    clock.time = 6.0
    waiting = StepSummary(0, "ocrd-s0", counts={State.CACHED: 7}, paused=True)
    display.show(RunSummary("r", State.CACHED, "/b/mets.xml", 0.0, steps=[waiting]))
    assert stream.getvalue() == "1 s0: 0/7, paused\n"


def test_a_step_that_is_done_again_is_told_again() -> None:
    display, _, stream = plain()
    display.show(run({State.FAILED: 1}))
    display.show(run({State.CACHED: 1}))
    display.show(run({State.SUCCESS: 1}))
    assert stream.getvalue().splitlines() == ["1 s0: 1/1, over, 1 failed", "1 s0: 1/1, over"]


def test_a_job_of_many_pages_is_told_page_by_page() -> None:
    display, clock, stream = plain()
    step = StepSummary(
        0, "ocrd-s0", counts={State.RUNNING: 1}, pages={State.SUCCESS: 3, State.FAILED: 1, State.CACHED: 6}
    )
    display.show(RunSummary("r", State.RUNNING, "/b/mets.xml", 0.0, steps=[step]))
    clock.time = 6.0
    display.show(RunSummary("r", State.RUNNING, "/b/mets.xml", 0.0, steps=[step]))
    assert stream.getvalue() == "1 s0: 4/10, 1 failed\n"


def test_a_terminal_gets_bars_and_a_quiet_command_nothing_but_notes() -> None:
    stream = StringIO()
    with run_display(Console(file=stream, force_terminal=True, width=100), FakeClock()) as display:
        assert isinstance(display, BarDisplay)
        display.show(run({State.SUCCESS: 3, State.FAILED: 1, State.CACHED: 6}))
        display.note("a note")
    assert "4/10" in stream.getvalue()
    assert "1 failed" in stream.getvalue()
    quiet = StringIO()
    with run_display(Console(file=quiet), FakeClock(), quiet=True) as display:
        display.show(run({State.SUCCESS: 1}))
        display.note("a note")
    assert quiet.getvalue() == "a note\n"
