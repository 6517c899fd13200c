"""``offizin pause``: no new work for a processor or a host."""

from __future__ import annotations

from pathlib import Path

import click

from offizin.cli.options import server_options
from offizin.cli.verbosity import verbosity_option


@click.command("pause")
@click.argument("name", metavar="PROCESSOR|HOST|RUN/STEP")
@click.option("--drain", is_flag=True, help="Wait until nothing of it, or on it, runs any more.")
@server_options
@verbosity_option
def command(name: str, drain: bool, server: str | None, home: Path | None) -> int:
    """Give a PROCESSOR, the workers of a HOST, or a STEP of a RUN no new work from now on, until `offizin resume`.

    Jobs wait where they are. What has begun goes on; what the workers of a paused host have not begun goes to others.
    It stays so when servers or workers are started again. `offizin workers` shows the names of hosts. RUN is
    a run's id, the beginning of it, or `last`; steps are counted from 1.

    \b
    Examples:
      offizin pause ocrd-tesserocr-recognize
      offizin pause gpu-2 --drain
      offizin pause last/2
    """
    from offizin.cli.connection import Place, run_async
    from offizin.cli.pausing import pause

    return run_async(pause(Place(server, home, work=False), name, drain=drain))
