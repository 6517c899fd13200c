"""``offizin workspace``: the workspaces that a server has."""

from __future__ import annotations

from pathlib import Path

import click

from offizin.cli.options import json_option, server_options
from offizin.cli.verbosity import verbosity_option


@click.group("workspace")
@verbosity_option
def command() -> None:
    """Give a server workspaces (books), get them back, and delete them.

    Without a server, those of the home directory.

    \b
    Examples:
      offizin workspace add my-book --server http://host:8000
      offizin workspace list --server http://host:8000
      offizin workspace get ID -o my-book.ocrd.zip --server http://host:8000
    """


@command.command("list")
@click.option("-n", "--limit", default=50, show_default=True, type=click.IntRange(1, 1000), help="How many to show.")
@json_option
@server_options
@verbosity_option
def list_(limit: int, as_json: bool, server: str | None, home: Path | None) -> int:
    """List the workspaces, the newest first.

    Pages are told where the server has the METS open just now.
    """
    from offizin.cli.connection import Place, run_async
    from offizin.cli.workspaces import list_workspaces

    return run_async(list_workspaces(Place(server, home, work=False), limit, as_json=as_json))


@command.command("add")
@click.argument("source", metavar="ZIP | DIR | URL")
@click.option("--description", default="", metavar="TEXT", help="What it is. [default: what the zip says]")
@json_option
@server_options
@verbosity_option
def add(source: str, description: str, as_json: bool, server: str | None, home: Path | None) -> int:
    """Give the server a workspace, and print its id.

    ZIP is an OCRD-ZIP, or a zip of a workspace's directory. DIR is a workspace: its METS and the files that it lists
    are sent. URL (http or https) is that of a METS, which the server fetches with the images of its pages.

    \b
    Examples:
      offizin workspace add my-book.ocrd.zip
      offizin workspace add my-book --description "Faust, 1808"
      offizin workspace add https://digital.example.org/faust/mets.xml
    """
    from offizin.cli.connection import Place, run_async
    from offizin.cli.workspaces import add_workspace

    return run_async(add_workspace(Place(server, home, work=False), source, description, as_json=as_json))


@command.command("get")
@click.argument("workspace_id", metavar="ID")
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Where to write the OCRD-ZIP; it must not exist yet.",
)  # fmt: skip
@server_options
@verbosity_option
def get(workspace_id: str, output: Path, server: str | None, home: Path | None) -> int:
    """Write a workspace, with all results so far, into an OCRD-ZIP."""
    from offizin.cli.connection import Place, run_async
    from offizin.cli.workspaces import get_workspace

    return run_async(get_workspace(Place(server, home, work=False), workspace_id, output))


@command.command("delete")
@click.argument("workspace_id", metavar="ID")
@server_options
@verbosity_option
def delete(workspace_id: str, server: str | None, home: Path | None) -> int:
    """Delete a workspace.

    The files of one that was given to the server go with it; one that a run has found where it lies is only forgotten.
    Nothing is deleted while runs on it go on.
    """
    from offizin.cli.connection import Place, run_async
    from offizin.cli.workspaces import delete_workspace

    return run_async(delete_workspace(Place(server, home, work=False), workspace_id))
