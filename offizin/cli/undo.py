"""``offizin undo``: what a run has made goes."""

from __future__ import annotations

from pathlib import Path

import click

from offizin.cli.options import server_options
from offizin.cli.verbosity import verbosity_option


@click.command("undo")
@click.argument("run")
@click.option("--force", is_flag=True, help="Also what was changed by hand since.")
@server_options
@verbosity_option
def command(run: str, force: bool, server: str | None, home: Path | None) -> int:
    """Take out of the METS, and from disk, what RUN has made (its id, the beginning of it, or `last`).

    File groups and files are as before it then. What is in the way is told, and nothing is done: a later run that has
    read the files (undo that one first), runs under way on the book, files that the run has replaced and that are gone.

    \b
    Example:
      offizin undo last
    """
    from offizin.cli.connection import Place, run_async
    from offizin.cli.undoing import undo

    return run_async(undo(Place(server, home, work=False), run, force=force))
