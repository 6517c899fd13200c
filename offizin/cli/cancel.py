"""``offizin cancel``: end a run or a job."""

from __future__ import annotations

from pathlib import Path

import click

from offizin.cli.options import server_options
from offizin.cli.verbosity import verbosity_option


@click.command("cancel")
@click.argument("name", metavar="RUN|JOB")
@server_options
@verbosity_option
def command(name: str, server: str | None, home: Path | None) -> int:
    """Cancel a RUN (its id, the beginning of it, or `last`), or a JOB and what needs it.

    What waits is over at once, what is under way is ended; what is done stays. `offizin retry` takes it up again.

    \b
    Example:
      offizin cancel last
    """
    from offizin.cli.cancelling import cancel
    from offizin.cli.connection import Place, run_async

    return run_async(cancel(Place(server, home, work=False), name))
