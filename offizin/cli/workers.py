"""``offizin workers``: who works, on what, and what is paused."""

from __future__ import annotations

from pathlib import Path

import click

from offizin.cli.options import json_option, server_options
from offizin.cli.verbosity import verbosity_option


@click.command("workers")
@json_option
@server_options
@verbosity_option
def command(as_json: bool, server: str | None, home: Path | None) -> int:
    """Show the workers of a server, what each works on, and what is paused.

    A server without a queue in the network works by itself, and is its only worker.
    """
    from offizin.cli.connection import Place, run_async
    from offizin.cli.worker_list import show_workers

    return run_async(show_workers(Place(server, home, work=False), as_json=as_json))
