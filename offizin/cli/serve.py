"""``offizin serve``: a server that stays."""

from __future__ import annotations

from pathlib import Path

import click

from offizin.cli.options import home_option, slots_option
from offizin.cli.verbosity import verbosity_option


@click.command("serve")
@click.argument("config", required=False, type=click.Path(path_type=Path), metavar="[CONFIG]")
@click.option("-a", "--address", metavar="HOST:PORT", help="Where to listen. [default: 127.0.0.1:8000]")
@home_option
@slots_option
@click.option("--bootstrap", is_flag=True, help="Send Offizin to hosts of CONFIG where it is not installed.")
@click.option("--no-auth", is_flag=True, help="Let everybody do everything, whoever reaches the address.")
@verbosity_option
def command(
    config: Path | None, address: str | None, home: Path | None, slots: int | None, bootstrap: bool, no_auth: bool
) -> int:
    """Start a server, and keep it until Ctrl-C or SIGTERM.

    It takes workflows over HTTP (the OCR-D Web API), and those of `offizin run` on the same home. What it was doing
    when it ended goes on when it starts again. CONFIG is a configuration file; none is needed. It may name hosts, on
    which workers run as long as the server does (docs/cluster.md). Where other machines reach the address, requests
    need a token (offizin token create).

    \b
    Examples:
      offizin serve
      offizin serve --address 0.0.0.0:8000 --slots 8
      offizin serve cluster.yml
    """
    from offizin.cli.serving import serve

    serve(config, address, home, slots, bootstrap=bootstrap, no_auth=no_auth)
    return 0
