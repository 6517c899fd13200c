"""``offizin run``: a workflow on a book."""

from __future__ import annotations

from pathlib import Path

import click

from offizin.cli.options import json_option, mets_argument, server_options, slots_option
from offizin.cli.policy_options import policy_options
from offizin.cli.verbosity import verbosity_option


@click.command("run")
@mets_argument
@click.argument("steps", nargs=-1, metavar="[STEP]...")
@click.option(
    "-w", "--workflow", "workflow_file", type=click.Path(path_type=Path, allow_dash=True), metavar="FILE",
    help="A text file with one step in each line (- is standard input).",
)  # fmt: skip
@click.option("-g", "--page-id", "pages", default="", metavar="PAGES", help="Only these pages. [default: all]")
@click.option(
    "--page-wise/--no-page-wise", default=True, show_default=True,
    help="Make a job of each page and step: pages go ahead one by one. Otherwise a step begins when the one before "
    "it is over for all pages, as processors need that look at a whole book.",
)  # fmt: skip
@click.option("--priority", type=int, default=0, show_default=True, metavar="N", help="Higher numbers go first.")
@click.option(
    "--fresh", "--overwrite", "overwrite", is_flag=True,
    help="Make all pages anew, also those of which nothing has changed, and those that were changed by hand.",
)  # fmt: skip
@policy_options
@click.option("--no-wait", is_flag=True, help="Submit the run to a server and do not wait for its end.")
@slots_option
@json_option
@server_options
@verbosity_option
def command(
    mets: Path,
    steps: tuple[str, ...],
    workflow_file: Path | None,
    pages: str,
    page_wise: bool,
    priority: int,
    overwrite: bool,
    no_wait: bool,
    slots: int | None,
    as_json: bool,
    server: str | None,
    home: Path | None,
    **policies: str | None,
) -> int:
    """Run a workflow on the book METS (a mets.xml, or the directory that holds one).

    The workflow is a file (-w), or STEPs on the command line, each as one word in quotes. A step is written as for
    `ocrd process`: the processor's name without ocrd-, -I and -O with its input and output file groups, -P NAME VALUE
    for its parameters, or -p with a file or a text of JSON.

    Only what has changed is done again: pages whose output was made of other files, with other parameters or by another
    version of the processor, and all that comes behind. What you have corrected by hand stays as it is. PAGES are ids,
    ranges a..b and //regular expressions, separated by commas; ~ in front takes out.

    What becomes of pages that get no output, or have it already, is said by the five options for it, by `policy` lines
    at the workflow's head, and by those right after a step: the options go before the head, a step's own lines before
    both.

    Without --server the work is done by the server that runs on your home directory, or else right here. Ctrl-C
    cancels the run; what is done stays, and `offizin retry` goes on with the rest.

    \b
    Examples:
      offizin run my-book -w workflow.txt
      offizin run my-book "tesserocr-segment -I OCR-D-IMG -O OCR-D-SEG" \\
                          "tesserocr-recognize -I OCR-D-SEG -O OCR-D-OCR -P model frk"
      offizin run my-book -w workflow.txt -g PHYS_0001..PHYS_0010,~PHYS_0003
    """
    from offizin.cli.carry_out import Wishes, carry_out, submit
    from offizin.cli.connection import Place, run_async
    from offizin.cli.workflow_source import read_workflow
    from offizin.client import Order
    from offizin.workflows.policies import Policies

    said = Policies.from_json(policies)
    order = Order(
        mets.absolute(), read_workflow(workflow_file, steps), pages, page_wise, priority, overwrite, policies=said
    )
    wishes = Wishes(wait=not no_wait, as_json=as_json)
    return run_async(carry_out(Place(server, home, slots), lambda client: submit(client, order), wishes))
