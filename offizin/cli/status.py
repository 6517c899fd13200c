"""``offizin status``: the last runs, or one."""

from __future__ import annotations

from pathlib import Path

import click

from offizin.cli.options import json_option, server_options
from offizin.cli.verbosity import verbosity_option


@click.command("status")
@click.argument("run", required=False)
@click.option("-n", "--number", type=click.IntRange(1, 1000), default=15, show_default=True, help="How many runs.")
@json_option
@server_options
@verbosity_option
def command(run: str | None, number: int, as_json: bool, server: str | None, home: Path | None) -> int:
    """Show the last runs; or one RUN, with its steps and what failed in it.

    RUN is a run's id, the beginning of it, or `last`.

    \b
    Examples:
      offizin status
      offizin status last
      offizin status 3da49c41
    """
    from offizin.cli.connection import Place, run_async
    from offizin.cli.run_status import show_last_runs, show_status

    place = Place(server, home, work=False)
    return run_async(show_status(place, run, as_json) if run else show_last_runs(place, number, as_json))
