"""``offizin logs``: what a processor printed."""

from __future__ import annotations

from pathlib import Path

import click

from offizin.cli.options import server_options
from offizin.cli.verbosity import verbosity_option


@click.command("logs")
@click.argument("job")
@click.option("-f", "--follow", is_flag=True, help="Go on until the job is over.")
@server_options
@verbosity_option
def command(job: str, follow: bool, server: str | None, home: Path | None) -> int:
    """Print the log of JOB: all that its processor printed and logged, of all attempts.

    `offizin status RUN` names the jobs that failed.

    \b
    Example:
      offizin logs 3da49c41-6119-44a8-9a9f-128a43edad58 --follow
    """
    from offizin.cli.connection import Place, run_async
    from offizin.cli.job_log import print_log

    return run_async(print_log(Place(server, home, work=False), job, follow=follow))
