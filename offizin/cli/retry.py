"""``offizin retry``: do again what did not work out, or what is to be other than it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from offizin.cli.options import json_option, server_options, slots_option
from offizin.cli.verbosity import verbosity_option


@click.command("retry")
@click.argument("run")
@click.option(
    "--what", type=click.Choice(["failed", "missing", "all"]), default="failed", show_default=True,
    help="failed: what failed or was cancelled; missing: that, and pages whose output is not there, whatever was said "
    "of them; all: everything anew.",
)  # fmt: skip
@click.option("-g", "--page-id", "pages", default="", metavar="PAGES", help="Only these pages. [default: all]")
@click.option("--step", default="", metavar="STEP", help="Only this step: its number, or its processor.")
@click.option("--processor", default="", metavar="NAME", help="Let another processor do it (with --step).")
@click.option(
    "-P", "override", type=(str, str), multiple=True, metavar="NAME VALUE",
    help="Another value for a parameter (with --step).",
)  # fmt: skip
@click.option(
    "-p", "parameters", multiple=True, metavar="JSON", help="The same for several, as JSON or a file of it."
)  # fmt: skip
@click.option("--skip", is_flag=True, help="Go without these pages: it is no failure that they are missing.")
@click.option("--no-wait", is_flag=True, help="Do not wait for the end (with a server only).")
@slots_option
@json_option
@server_options
@verbosity_option
def command(
    run: str,
    what: str,
    pages: str,
    step: str,
    processor: str,
    override: tuple[tuple[str, str], ...],
    parameters: tuple[str, ...],
    skip: bool,
    no_wait: bool,
    slots: int | None,
    as_json: bool,
    server: str | None,
    home: Path | None,
) -> int:
    """Do parts of RUN (its id, the beginning of it, or `last`) again, and wait for the end.

    Without options: what failed or was cancelled; what is done already stays as it is. A run that was interrupted goes
    on. What comes behind the pages that are done again is done again, too.

    --processor, -P and -p ask for another way to do just these pages. -P and -p are set over the parameters of the
    step; for another processor they are all it gets. --skip does nothing again: what failed stays without output, what
    needs it is left out as well, and the run can be a success. Nothing is touched that waits or runs already.

    \b
    Examples:
      offizin retry last
      offizin retry last --what missing
      offizin retry last --step 2 -P model Fraktur
      offizin retry last -g PHYS_0007 --skip
      offizin retry last --what all -g PHYS_0003..PHYS_0005 --step tesserocr-recognize --processor kraken-recognize
    """
    from offizin.cli.carry_out import Started, Wishes, carry_out
    from offizin.cli.connection import Place, run_async
    from offizin.cli.run_naming import find_run, find_step
    from offizin.cli.workflow_source import read_parameters
    from offizin.client import Again, Client
    from offizin.errors import Conflict

    words = [word for text in parameters for word in ("-p", text)]
    words += [word for pair in override for word in ("-P", *pair)]
    plain = Again(what, pages, None, processor, read_parameters(words), skip)

    async def again(client: Client) -> Started:
        found = await find_run(client, run)
        asked = replace(plain, step=find_step(found, step)) if step else plain
        try:
            return Started(found.run_id, await client.retry_run(found.run_id, asked))
        except Conflict:
            if found.ended or asked != Again():
                raise
            return Started(found.run_id, sum(step.open_jobs for step in found.steps))

    return run_async(carry_out(Place(server, home, slots), again, Wishes(wait=not no_wait, as_json=as_json)))
