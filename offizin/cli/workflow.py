"""``offizin workflow``: what can be done with a workflow's text alone."""

from __future__ import annotations

from pathlib import Path

import click

from offizin.cli.verbosity import verbosity_option


@click.group("workflow")
@verbosity_option
def command() -> None:
    """Look at workflows, or rewrite them; nothing is run.

    \b
    Example:
      offizin workflow export workflow.txt > tasks.txt
    """


@command.command("export")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@verbosity_option
def export(file: Path) -> int:
    """Print the plain tasks of the workflow FILE (- is standard input), as other OCR-D programs read them.

    One task a line, parameter files put in. What only Offizin knows is left out: comments, and lines that begin with
    policy, fallback or finish; standard error says which.

    \b
    Examples:
      offizin workflow export workflow.txt > tasks.txt
      ocrd process "$(offizin workflow export one-step.txt)"
    """
    from offizin.cli.workflow_source import read_workflow
    from offizin.workflows import parse_workflow
    from offizin.workflows.workflow import Keyword

    workflow = parse_workflow(read_workflow(file, ()))
    click.echo(workflow.to_tasks(), nl=False)
    kinds = {line.partition(" ")[0] for line in workflow.to_text().splitlines()}
    if left_out := [keyword for keyword in Keyword if keyword in kinds]:
        click.echo(f"Left out what only Offizin knows: {', '.join(left_out)}.", err=True)
    return 0
