"""``offizin resume``: new work again."""

from __future__ import annotations

from pathlib import Path

import click

from offizin.cli.options import server_options
from offizin.cli.verbosity import verbosity_option


@click.command("resume")
@click.argument("name", metavar="RUN[/STEP]|PROCESSOR|HOST|HOST/PROCESSOR")
@click.option("--retry", is_flag=True, help="Of a run: do again what has failed, too.")
@server_options
@verbosity_option
def command(name: str, retry: bool, server: str | None, home: Path | None) -> int:
    """Go on with what is paused: a step of a run (or all of its paused steps), a PROCESSOR, or the workers of a HOST.

    A step is paused when too many pages in a row fail for one cause: see to the cause first. What waits goes on then;
    what has failed before stays as it is, unless --retry is given. RUN is a run's id, the beginning of it, or `last`;
    steps are counted from 1. Where no server runs, the command goes on with the run and waits for its end.

    \b
    Examples:
      offizin resume last
      offizin resume 3da49c41/2 --retry
      offizin resume ocrd-tesserocr-recognize
    """
    from offizin.cli.connection import Place, run_async
    from offizin.cli.pausing import resume

    return run_async(resume(Place(server, home, work=False), name, retry=retry))
