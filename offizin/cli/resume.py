"""``offizin resume``: new work again."""

from __future__ import annotations

from pathlib import Path

import click

from offizin.cli.options import server_options
from offizin.cli.verbosity import verbosity_option


@click.command("resume")
@click.argument("name", metavar="PROCESSOR|HOST")
@server_options
@verbosity_option
def command(name: str, server: str | None, home: Path | None) -> int:
    """Give a PROCESSOR, or the workers of a HOST, work again after `offizin pause`."""
    from offizin.cli.connection import Place, run_async
    from offizin.cli.pausing import resume

    return run_async(resume(Place(server, home, work=False), name))
