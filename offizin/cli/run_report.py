"""A run as a table, its failures with their reasons, and the commands that go on."""

from __future__ import annotations

import shlex
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from offizin.cli.failure_groups import FailureGroup, group_failures
from offizin.cli.wording import count, duration, memory, moment, safe, some
from offizin.client import Failure, Failures, OtherWay, RunSummary, StepPause, StepSummary
from offizin.jobs import State

IN_FULL = 20
LOG_LINES = 6
MOST_NAMED = 10
STYLES = {State.SUCCESS: "green", State.FAILED: "bold red", State.CANCELLED: "yellow", State.RUNNING: "cyan"}


def show_run(console: Console, run: RunSummary, taken: float | None = None) -> None:
    """What it is, how it stands, and its steps. ``taken``: seconds, if other than from submission to end."""
    if taken is None and run.ended_at is not None:
        taken = run.ended_at - run.submitted_at
    state = state_of(run)
    in_time = f" in {duration(taken)}" if taken is not None else ""
    console.print(Text.assemble("Run ", (run.run_id, "bold"), ": ", state, in_time))
    console.print(Text(f"Book {run.path_to_mets}, submitted {moment(run.submitted_at)}"), soft_wrap=True)
    if run.undone_at is not None:
        console.print(f"Undone {moment(run.undone_at)}: what it made is gone.")
    if run.message:
        console.print(Text(safe(run.message)), soft_wrap=True)
    console.print(steps_table(run))
    for step in run.steps:
        if step.pause is not None:
            console.print(Text(pause_words(step, step.pause), style="bold"), soft_wrap=True)
    for step in run.steps:
        for way in step.other_ways:
            if way.pages:
                console.print(Text(_way_words(step, way)), soft_wrap=True)
    if any(step.pages for step in run.steps):
        console.print("The figures are pages; each step is one job.")
    if run.skipped and all(step.skipped is None for step in run.steps):
        console.print(f"{count(run.skipped, 'job')} skipped: the output was there already (--fresh makes it anew).")
    if run.kept:
        console.print(f"{count(run.kept, 'output')} kept as changed by hand (--fresh makes them anew).")


def _way_words(step: StepSummary, way: OtherWay) -> str:
    """Pages that were not done as the step says."""
    how = f"by the fallback {way.processor}" if way.is_fallback else f"by {way.processor}, as a retry asked for"
    named = way.page_ids[:MOST_NAMED]
    more = f" and {way.pages - len(named)} more" if way.pages > len(named) else ""
    return f"Step {step.number + 1}: {count(way.pages, 'page')} done {how}: {safe(', '.join(named))}{more}"


def steps_table(run: RunSummary) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in ("", "step", "file groups"):
        table.add_column(heading, no_wrap=True)
    for heading in _headings(run):
        table.add_column(heading, justify="right", no_wrap=True)
    for step in run.steps:
        groups = f"{','.join(step.input_file_grps)} → {','.join(step.output_file_grps) or '-'}"
        table.add_row(str(step.number + 1), step.processor, groups, *_figures(run, step))
    return table


def show_failures(console: Console, failures: Failures, *, in_full: int = IN_FULL) -> None:
    """One entry for all that failed for one reason; the first ``in_full`` with message and log."""
    groups = group_failures(failures.failures)
    for group in groups[:in_full]:
        _show_group(console, group)
    rest = groups[in_full:]
    if rest or failures.more:
        more = f"{count(len(rest), 'more reason')} " if rest else ""
        console.print(f"\n… {more}not shown: `offizin status RUN --json` has all." if more else "\n… and more pages.")


def show_results(console: Console, run: RunSummary) -> None:
    """Where the files lie that it made. Of a job of many pages that failed, the good pages are there, too."""
    if run.undone_at is not None:
        return
    made = [
        group
        for step in run.steps
        if step.count(State.SUCCESS) or run.skipped or (step.count(State.FAILED) and not run.page_wise)
        for group in step.output_file_grps
    ]
    if made:
        directory = Path(run.path_to_mets).parent
        name = Path(run.path_to_mets).name
        listed = f"not all of them listed in {name}, which could not be saved" if run.message else f"listed in {name}"
        if not run.ended:
            listed += " when the run has ended, or sooner"
        console.print(f"Results: {', '.join(made)} in {directory}, {listed}", soft_wrap=True, markup=False)


def next_commands(run: RunSummary, failures: Failures, options: str) -> list[str]:
    """``options`` are those that lead to the server or home of the run, as on a command line."""
    if run.undone_at is not None:
        return []
    options = f" {options}" if options else ""
    commands = []
    if any(step.pause for step in run.steps):
        commands.append(f"offizin resume{options} {run.run_id}   # goes on with what is paused")
    if run.count(State.FAILED) or run.count(State.CANCELLED):
        commands.append(f"offizin retry{options} {run.run_id}   # does again only what failed or was cancelled")
    elif any(step.account.skipped for step in run.steps):
        again = "does the skipped pages again"
        commands.append(f"offizin retry{options} {run.run_id} --what missing   # {again}")
    elif run.message:
        commands.append(f"offizin retry{options} {run.run_id}   # saves the METS, once that can be done")
    if failures.failures:
        commands.append(f"offizin logs{options} {failures.failures[0].job_id}   # the whole log of the first failure")
    if run.ended and run.steps and run.steps[-1].count(State.SUCCESS):
        commands.append(f"offizin text {shlex.quote(str(Path(run.path_to_mets).parent))}   # if it recognised text")
    return commands


def state_of(run: RunSummary) -> Text:
    """PAUSED where nothing of it can be done before somebody resumes it."""
    if run.stalled:
        return Text("PAUSED", style=STYLES[State.FAILED])
    return Text(run.state, style=STYLES.get(run.state, ""))


def pause_words(step: StepSummary, pause: StepPause, options: str | None = None) -> str:
    """Why it is paused, in a line; with ``options`` (as of ``next_commands``) also how to go on."""
    name = f"Step {step.number + 1} {step.processor} is paused"
    why = f": {pause.cause}: {safe(pause.message)}" if pause.cause else ""
    if options is None:
        return f"{name}{why}"
    return f"{name}{why}\n  To go on: offizin resume{f' {options}' if options else ''} {pause.name}"


def _headings(run: RunSummary) -> list[str]:
    live = [] if run.ended else ["waiting", "running"]
    skipped = ["skipped"] if any(step.skipped is not None for step in run.steps) else []
    seconds = ["seconds"] if any(step.seconds is not None for step in run.steps) else []
    return [*live, "done", "failed", "cancelled", *skipped, *seconds]


def _figures(run: RunSummary, step: StepSummary) -> list[str | Text]:
    waiting = step.count(State.CACHED) + step.count(State.QUEUED)
    figures: dict[str, str | Text] = {
        "waiting": f"{waiting:,}",
        "running": f"{step.count(State.RUNNING):,}",
        "done": f"{step.count(State.SUCCESS):,}",
        "failed": _alarming(step.count(State.FAILED), State.FAILED),
        "cancelled": _alarming(step.count(State.CANCELLED), State.CANCELLED),
        "skipped": f"{step.skipped or 0:,}",
        "seconds": "" if step.seconds is None else f"{step.seconds:,.1f}",
    }
    return [figures[heading] for heading in _headings(run)]


def _alarming(number: int, state: State) -> Text:
    return Text(f"{number:,}", style=STYLES[state] if number else "")


def _show_group(console: Console, group: FailureGroup) -> None:
    first = group.example
    pages = group.pages
    of_pages = f", page {pages[0]}" if len(pages) == 1 else f", {count(len(pages), 'page')}" if pages else ""
    head = Text.assemble(
        "\n", f"step {first.step + 1} {first.processor}{of_pages}: ", (first.cause, STYLES[State.FAILED])
    )
    console.print(head, soft_wrap=True)
    if len(pages) > 1:
        console.print(Text(f"  {some(list(pages), 10)}"), soft_wrap=True)
    if first.message:
        console.print(Text(_indented(first.message)), soft_wrap=True)
    if where := _where(first):
        console.print(Text(f"  {where}", style="dim"), soft_wrap=True)
    lines = first.log_tail.strip().splitlines()[-LOG_LINES:]
    if lines:
        whose = f" of {pages[0]}" if len(pages) > 1 else ""
        console.print(Text(f"  last lines of the log{whose} (job {first.job_id}):", style="dim"), soft_wrap=True)
        console.print(Text(_indented("\n".join(lines), 4), style="dim"), soft_wrap=True)


def _where(failure: Failure) -> str:
    """As in ``on gpu-2, process 4711, after 3.2 s, 1.2 GB of memory at most``."""
    words = [
        f"on {safe(failure.host)}" if failure.host else "",
        f"process {failure.runner}" if failure.runner else "",
        f"after {duration(failure.seconds)}" if failure.seconds else "",
        f"{memory(failure.peak_memory)} of memory at most" if failure.peak_memory else "",
    ]
    return ", ".join(word for word in words if word)


def _indented(text: str, width: int = 2) -> str:
    return "\n".join(" " * width + line for line in safe(text).splitlines())
