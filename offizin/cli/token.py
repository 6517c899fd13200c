"""``offizin token``: who may ask a server for what."""

from __future__ import annotations

from pathlib import Path

import click

from offizin.cli.options import json_option, server_options
from offizin.cli.verbosity import verbosity_option


@click.group("token")
@verbosity_option
def command() -> None:
    """Make, list and revoke tokens: what requests from other machines need.

    A server that runs on the home is asked; without one, its database is. Scopes: read (look at everything), run (also
    submit, cancel, upload), admin (all), worker (what `offizin worker --server` needs, and nothing else).

    \b
    Examples:
      offizin token create reading-room --scope run --expires 90d
      offizin token list
      offizin token revoke reading-room
    """


@command.command("create")
@click.argument("name")
@click.option(
    "--scope", type=click.Choice(["read", "run", "admin", "worker"]), required=True, help="What it is good for."
)
@click.option("--expires", metavar="TIME", help="After so long, as in 90d, 12h or 30m. [default: never]")
@json_option
@server_options
@verbosity_option
def create(name: str, scope: str, expires: str | None, as_json: bool, server: str | None, home: Path | None) -> int:
    """Make the token NAME, and print its secret, which is shown this once.

    Programs send it as `Authorization: Bearer SECRET`, or have it in the address: http://NAME:SECRET@host:8000.
    Commands take it from OFFIZIN_TOKEN, too.
    """
    from offizin.cli.connection import Place, run_async
    from offizin.cli.tokens import create_token

    return run_async(create_token(Place(server, home, work=False), name, scope, expires, as_json=as_json))


@command.command("list")
@json_option
@server_options
@verbosity_option
def list_(as_json: bool, server: str | None, home: Path | None) -> int:
    """List all tokens: their names and scopes, until when they hold, and when each was used last."""
    from offizin.cli.connection import Place, run_async
    from offizin.cli.tokens import list_tokens

    return run_async(list_tokens(Place(server, home, work=False), as_json=as_json))


@command.command("revoke")
@click.argument("name")
@server_options
@verbosity_option
def revoke(name: str, server: str | None, home: Path | None) -> int:
    """Let the token NAME hold no more, on other servers of a cluster within seconds. Its name is not given again."""
    from offizin.cli.connection import Place, run_async
    from offizin.cli.tokens import revoke_token

    return run_async(revoke_token(Place(server, home, work=False), name))
