"""What is known of runs, without waiting for anything."""

from __future__ import annotations

from pathlib import Path

import msgspec
from rich.table import Table
from rich.text import Text

from offizin.cli.carry_out import FAILURES, gaps_of, report_as_json, show_report
from offizin.cli.connection import Kind, Place, clock, connect
from offizin.cli.run_naming import find_run
from offizin.cli.run_report import STYLES, state_of
from offizin.cli.terminal import result_console
from offizin.cli.wording import duration, moment
from offizin.client import RunSummary
from offizin.jobs import State

MOST_FAILURES = 10_000


async def show_status(place: Place, name: str, as_json: bool) -> int:
    """One run. Raises RunUnknown."""
    async with connect(place, clock()) as connection:
        run = await find_run(connection.client, name)
        most = MOST_FAILURES if as_json else FAILURES
        failures = await connection.client.failures(run.run_id, most)
        gaps = await gaps_of(connection.client, run, most)
    if as_json:
        print(report_as_json(run, failures, gaps))
        return 0
    console = result_console()
    show_report(console, run, failures, gaps, place.options)
    if connection.kind is Kind.EMBEDDED and not run.ended and not run.stalled:
        options = f" {place.options}" if place.options else ""
        console.print("Nobody works on it now, because no server runs. To go on:")
        console.print(f"  offizin retry{options} {run.run_id}", markup=False, soft_wrap=True)
    return 0


async def show_last_runs(place: Place, number: int, as_json: bool) -> int:
    """Newest first."""
    async with connect(place, clock()) as connection:
        runs = (await connection.client.runs(limit=number)).runs
    if as_json:
        print(msgspec.json.encode(runs).decode())
    elif runs:
        result_console().print(_runs_table(runs, clock().now()))
    else:
        print("No runs yet.")
    return 0


def _runs_table(runs: list[RunSummary], now: float) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in ("run", "state", "submitted", "taken", "jobs", "done", "failed", "book"):
        numeric = heading in ("jobs", "done", "failed")
        table.add_column(heading, no_wrap=heading != "book", justify="right" if numeric else "left")
    for run in runs:
        failed = run.count(State.FAILED)
        table.add_row(
            run.run_id,
            state_of(run),
            moment(run.submitted_at),
            duration((run.ended_at or now) - run.submitted_at),
            f"{run.jobs:,}",
            _percentage(run.count(State.SUCCESS), sum(step.total for step in run.steps)),
            Text(f"{failed:,}", style=STYLES[State.FAILED] if failed else ""),
            str(Path(run.path_to_mets).parent),
        )
    return table


def _percentage(part: int, whole: int) -> str:
    """Rounded down: all is done only when it is."""
    return f"{part * 100 // whole} %" if whole else ""
