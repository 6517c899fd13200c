"""Fetching a run's report and writing it to a file."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from offizin.cli.connection import Place, clock, connect
from offizin.cli.run_naming import find_run
from offizin.errors import InvalidRequest


async def keep_report(place: Place, run: str, output: Path, as_json: bool) -> int:
    """Raises RunUnknown, and InvalidRequest when the file cannot be written."""
    async with connect(place, clock()) as connection:
        found = (await find_run(connection.client, run)).run_id
        content = await connection.client.report(found, as_html=not as_json)
    if str(output) == "-":
        sys.stdout.buffer.write(content)
        return 0
    try:
        await asyncio.to_thread(output.write_bytes, content)
    except OSError as error:
        raise InvalidRequest(
            f"the report cannot be written to {output}: {error.strerror}", advice="Name another file with -o."
        ) from error
    click.echo(f"The report of run {found[:8]} is in {output}.", err=True)
    return 0
