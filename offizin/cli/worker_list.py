"""The workers of a server, and what is paused, as tables."""

from __future__ import annotations

import msgspec
from rich.console import Console
from rich.table import Table

from offizin.cli.connection import Place, clock, connect
from offizin.cli.terminal import result_console
from offizin.cli.wording import count, duration, moment, safe
from offizin.client import PauseSummary, WorkerList, WorkerSummary

# So many of the pieces of a worker are named.
NAMED = 4


async def show_workers(place: Place, *, as_json: bool) -> int:
    async with connect(place, clock()) as connection:
        found = await connection.client.workers()
    if as_json:
        print(msgspec.json.encode(found).decode())
    else:
        _show(result_console(), found, clock().now())
    return 0


def running(pause: PauseSummary) -> str:
    """As in ``2 pieces still run``."""
    if pause.drained:
        return "nothing runs any more"
    return f"{count(pause.running, 'piece')} still {'runs' if pause.running == 1 else 'run'}"


def _show(console: Console, found: WorkerList, now: float) -> None:
    if found.workers:
        console.print(_workers_table(found.workers, now))
    else:
        console.print("No workers. To start one: offizin worker PROCESSOR... --queue URL", markup=False)
    for pause in found.pauses:
        why = f" for {pause.cause}" if pause.cause else ""
        told = f"Paused: {pause.kind} {safe(pause.name)} since {moment(pause.since)}{why}; {running(pause)}"
        console.print(told, markup=False, soft_wrap=True)


def _workers_table(workers: list[WorkerSummary], now: float) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in ("host", "process", "slots", "works on", "heard", "", "session"):
        table.add_column(heading, no_wrap=heading != "works on", justify="right" if heading == "process" else "left")
    for worker in sorted(workers, key=lambda worker: (worker.host, worker.pid)):
        slots = [f"{safe(name)}:{number}" for name, number in sorted(worker.processors.items())]
        state = "paused" if worker.resting else "pausing" if worker.paused else ""
        heard = f"{duration(max(0.0, now - worker.heard_at))} ago"
        table.add_row(
            safe(worker.host), str(worker.pid), "\n".join(slots), _works_on(worker, now), heard, state, worker.session
        )
    return table


def _works_on(worker: WorkerSummary, now: float) -> str:
    lines = []
    for piece in worker.holds[:NAMED]:
        pages = piece.page_id or count(piece.pages, "page")
        since = f", {duration(max(0.0, now - piece.started_at))}" if piece.started_at else ""
        lines.append(safe(f"{piece.processor.removeprefix('ocrd-')} {pages}{since}"))
    if len(worker.holds) > NAMED:
        lines.append(f"and {len(worker.holds) - NAMED:,} more")
    return "\n".join(lines)
