"""Watching a run until it has ended, and cancelling it when the user wants to end."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress

from offizin.cli.connection import Connection, Kind
from offizin.cli.interruption import Interruption
from offizin.cli.run_display import RunDisplay
from offizin.cli.run_report import pause_words
from offizin.client import Client, RunSummary, follow_run
from offizin.clock import Clock
from offizin.errors import Conflict, Unavailable

# So long a server that does not answer is waited for, in seconds. One that ran on the home is replaced by our own.
PATIENCE = {Kind.NAMED: 120.0, Kind.JOINED: 1.0, Kind.EMBEDDED: 1.0}


async def watch_run(
    connection: Connection,
    run_id: str,
    display: RunDisplay,
    interruption: Interruption,
    clock: Clock,
    options: str = "",
) -> RunSummary:
    """The run as it ended; or as it is when a server of our own can do no more of it, because a step is paused.
    ``options`` lead other commands to the server. Raises what ``follow_run`` raises."""
    told: set[tuple[str, float]] = set()
    client = connection.client
    patience = PATIENCE[connection.kind]
    cancelling = asyncio.create_task(_cancel_when_asked(client, run_id, display, interruption), name="cancel on demand")
    try:
        async with aclosing(follow_run(client, run_id, clock, patience=patience)) as summaries:
            async for run in summaries:
                display.show(run)
                for step in run.steps:
                    if step.pause is not None and (step.pause.name, step.pause.since) not in told:
                        told.add((step.pause.name, step.pause.since))
                        display.note(pause_words(step, step.pause, options))
                if run.stalled and connection.kind is Kind.EMBEDDED:
                    break  # nobody would go on with it here
    except Unavailable as error:
        raise Unavailable(
            error.message, advice=f"The run goes on where the server does: offizin status {run_id}"
        ) from error
    finally:
        cancelling.cancel()
        with suppress(asyncio.CancelledError):
            await cancelling
    return run


async def _cancel_when_asked(client: Client, run_id: str, display: RunDisplay, interruption: Interruption) -> None:
    await interruption.wait()
    display.note("Cancelling; what is under way is ended. Ctrl-C again leaves at once.")
    with suppress(Conflict):  # over already
        await client.cancel_run(run_id)
