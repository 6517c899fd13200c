"""Watching a run until it has ended, and cancelling it when the user wants to end."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress

from offizin.cli.connection import Connection, Kind
from offizin.cli.interruption import Interruption
from offizin.cli.run_display import RunDisplay
from offizin.client import Client, RunSummary, follow_run
from offizin.clock import Clock
from offizin.errors import Conflict, Unavailable

# So long a server that does not answer is waited for, in seconds. One that ran on the home is replaced by our own.
PATIENCE = {Kind.NAMED: 120.0, Kind.JOINED: 1.0, Kind.EMBEDDED: 1.0}


async def watch_run(
    connection: Connection, run_id: str, display: RunDisplay, interruption: Interruption, clock: Clock
) -> RunSummary:
    """The run as it ended. Raises what ``follow_run`` raises."""
    client = connection.client
    patience = PATIENCE[connection.kind]
    cancelling = asyncio.create_task(_cancel_when_asked(client, run_id, display, interruption), name="cancel on demand")
    try:
        async with aclosing(follow_run(client, run_id, clock, patience=patience)) as summaries:
            async for run in summaries:
                display.show(run)
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
