"""Starting a run (or starting it again), watching it, and telling how it went."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import msgspec
import psutil
from rich.console import Console

from offizin.cli.connection import Connection, Kind, Place, clock, connect
from offizin.cli.gap_report import has_gaps, show_gaps, show_recognised
from offizin.cli.interruption import Interruption, interruption
from offizin.cli.run_display import RunDisplay, run_display
from offizin.cli.run_report import next_commands, show_failures, show_results, show_run
from offizin.cli.terminal import progress_console, result_console
from offizin.cli.watch import watch_run
from offizin.cli.wording import count
from offizin.client import UNIX, Client, Failures, Gaps, Order, RunSummary
from offizin.errors import Interrupted, InvalidRequest, RunFailed, Unavailable
from offizin.jobs import State

# Failures that are asked for, to be put together by their reasons.
FAILURES = 500
# A joined server may end while our run goes on; so often the run is taken over.
TAKEOVERS = 5


@dataclass(frozen=True, slots=True)
class Started:
    """``jobs``: how many are to be done, if that is not all of the run."""

    run_id: str
    jobs: int | None = None


Start = Callable[[Client], Awaitable[Started]]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user wants to see: with ``as_json`` nothing but the result; without ``wait`` only the run's id."""

    wait: bool = True
    as_json: bool = False


async def submit(client: Client, order: Order) -> Started:
    return Started(await client.submit(order))


async def carry_out(place: Place, start: Start, wishes: Wishes) -> int:
    """Returns the exit code; raises what ``start`` and ``connect`` raise."""
    console = progress_console()
    began = 0.0
    with (
        interruption(lambda: _leave(console, place)) as asked,
        run_display(console, clock(), quiet=wishes.as_json) as display,
    ):
        run_id = ""
        for _ in range(TAKEOVERS):
            async with connect(place, clock()) as connection:
                if not run_id:
                    began = clock().monotonic()
                    run_id = await _begin(connection, start, wishes, display, asked)
                if not wishes.wait:
                    return _tell_id(run_id, place, wishes)
                try:
                    run = await watch_run(connection, run_id, display, asked, clock(), place.options)
                    failures = await connection.client.failures(run_id, FAILURES)
                    gaps = await gaps_of(connection.client, run, FAILURES)
                    break
                except Unavailable:
                    if connection.kind is not Kind.JOINED:
                        raise
                    display.note("The server has ended; the run goes on here.")
        else:
            raise Unavailable("servers on this home end all the time", advice=f"offizin status {run_id}")
    _report(run, failures, gaps, place, wishes, taken=clock().monotonic() - began)
    return exit_code(run, interrupted=asked.requested)


def exit_code(run: RunSummary, *, interrupted: bool) -> int:
    if run.state is State.SUCCESS:
        return 0
    return Interrupted.exit_code if interrupted else RunFailed.exit_code


async def _begin(connection: Connection, start: Start, wishes: Wishes, display: RunDisplay, asked: Interruption) -> str:
    if not wishes.wait and connection.kind is Kind.EMBEDDED:
        raise InvalidRequest(
            "--no-wait needs a server that goes on with the work", advice="Start one with `offizin serve`."
        )
    if asked.requested:
        raise Interrupted("interrupted")
    if connection.kind is Kind.JOINED and not wishes.as_json:
        where = connection.client.server
        who = "the command" if where.startswith(UNIX) else f"the server at {where}"
        display.note(f"Joining {who} that works on this home already.")
    started = await start(connection.client)
    run_id = started.run_id
    if wishes.wait and not wishes.as_json:
        run = await connection.client.run(run_id)
        steps, jobs = count(len(run.steps), "step"), count(run.jobs, "job")
        if started.jobs is not None:
            jobs = f"{count(started.jobs, 'job')} again of {run.jobs:,}"
        skipped = f", {run.skipped:,} skipped because they were done before" if run.skipped else ""
        display.note(f"Run {run_id}: {steps}, {jobs}{skipped}")
    return run_id


def _tell_id(run_id: str, place: Place, wishes: Wishes) -> int:
    if wishes.as_json:
        print(msgspec.json.encode({"run_id": run_id}).decode())
    else:
        print(run_id)
        options = f" {place.options}" if place.options else ""
        progress_console().print(f"Look at it with: offizin status{options} {run_id}", markup=False, soft_wrap=True)
    return 0


def _report(run: RunSummary, failures: Failures, gaps: Gaps, place: Place, wishes: Wishes, taken: float) -> None:
    if wishes.as_json:
        print(report_as_json(run, failures, gaps))
        return
    show_report(result_console(), run, failures, gaps, place.options, taken)


async def gaps_of(client: Client, run: RunSummary, most: int) -> Gaps:
    """Not asked for where the run's figures say that there are none."""
    return await client.gaps(run.run_id, most) if has_gaps(run) else Gaps()


def report_as_json(run: RunSummary, failures: Failures, gaps: Gaps) -> str:
    more = failures.more or gaps.more
    return msgspec.json.encode({"run": run, "failures": failures.failures, "gaps": gaps.gaps, "more": more}).decode()


def show_report(
    console: Console, run: RunSummary, failures: Failures, gaps: Gaps, options: str, taken: float | None = None
) -> None:
    show_run(console, run, taken)
    show_recognised(console, run)
    show_gaps(console, run, gaps)
    show_failures(console, failures)
    if failures.failures:
        console.print()
    show_results(console, run)
    for command in next_commands(run, failures, options):
        console.print(f"  {command}", markup=False, soft_wrap=True)


def _leave(console: Console, place: Place) -> None:
    """Nothing this process has started stays behind."""
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            child.kill()
    console.show_cursor(True)
    options = f" {place.options}" if place.options else ""
    console.print(f"\nLeft at once. How the run stands: offizin status{options} last", markup=False, soft_wrap=True)
