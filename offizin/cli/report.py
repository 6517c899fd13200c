"""``offizin report``: a run as one file to keep."""

from __future__ import annotations

from pathlib import Path

import click

from offizin.cli.options import server_options
from offizin.cli.verbosity import verbosity_option


@click.command("report")
@click.argument("run")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, allow_dash=True, dir_okay=False), required=True, metavar="FILE",
    help="Where to write it (- is standard output): JSON if its name ends so, else HTML.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Write JSON, whatever the file's name is.")
@server_options
@verbosity_option
def command(run: str, output: Path, as_json: bool, server: str | None, home: Path | None) -> int:
    """Write down what became of RUN: its pages and causes, the time of each step, memory, versions, and the pages with
    the least confidence. The file needs no network.

    RUN is a run's id, the beginning of it, or `last`.

    \b
    Examples:
      offizin report last -o report.html
      offizin report 3da49c41 -o report.json
    """
    from offizin.cli.connection import Place, run_async
    from offizin.cli.keep_report import keep_report

    return run_async(keep_report(Place(server, home, work=False), run, output, as_json or output.suffix == ".json"))
