"""Cancelling a run or a job, whichever has that name."""

from __future__ import annotations

from contextlib import aclosing

from offizin.cli.connection import Connection, Kind, Place, clock, connect
from offizin.cli.run_naming import find_run
from offizin.cli.wording import count
from offizin.client import follow_run
from offizin.errors import JobUnknown, NotFound, RunUnknown


async def cancel(place: Place, name: str) -> int:
    """Raises NotFound when there is neither, Conflict when it is over already."""
    async with connect(place, clock()) as connection:
        client = connection.client
        try:
            run_id = (await find_run(client, name)).run_id
            cancelled = await client.cancel_run(run_id)
        except RunUnknown:
            try:
                run_id = (await client.job(name)).run_id
                cancelled = await client.cancel_job(name)
            except JobUnknown:
                raise NotFound(
                    f"there is neither a run nor a job {name}", advice="`offizin status` lists the last runs."
                ) from None
        if connection.kind is Kind.EMBEDDED:
            await _until_saved(connection, run_id)
    running = f"; {len(cancelled.running):,} under way are being ended" if cancelled.running else ""
    print(f"{count(cancelled.cancelled, 'job')} cancelled{running}.")
    options = f"{place.options} " if place.options else ""
    print(f"To take it up again: offizin retry {options}{run_id}")
    return 0


async def _until_saved(connection: Connection, run_id: str) -> None:
    """Nobody else will end the run: its METS is saved before this server goes."""
    if any(step.open_jobs for step in (await connection.client.run(run_id)).steps):
        return
    async with aclosing(follow_run(connection.client, run_id, clock())) as summaries:
        async for _ in summaries:
            pass
