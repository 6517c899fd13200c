"""``offizin retry``: do again what did not work out."""

from __future__ import annotations

from pathlib import Path

import click

from offizin.cli.options import json_option, server_options, slots_option
from offizin.cli.verbosity import verbosity_option


@click.command("retry")
@click.argument("run")
@click.option("--no-wait", is_flag=True, help="Do not wait for the end (with a server only).")
@slots_option
@json_option
@server_options
@verbosity_option
def command(run: str, no_wait: bool, slots: int | None, as_json: bool, server: str | None, home: Path | None) -> int:
    """Do again what failed or was cancelled in RUN (its id, the beginning of it, or `last`), and wait for the end.

    What is done already stays as it is. A run that was interrupted goes on.

    \b
    Example:
      offizin retry last
    """
    from offizin.cli.carry_out import Started, Wishes, carry_out
    from offizin.cli.connection import Place, run_async
    from offizin.cli.run_naming import find_run
    from offizin.client import Client
    from offizin.errors import Conflict

    async def again(client: Client) -> Started:
        found = await find_run(client, run)
        try:
            return Started(found.run_id, await client.retry_run(found.run_id))
        except Conflict:
            if found.ended:
                raise
            return Started(found.run_id, sum(step.open_jobs for step in found.steps))

    return run_async(carry_out(Place(server, home, slots), again, Wishes(wait=not no_wait, as_json=as_json)))
