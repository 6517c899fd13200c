"""``offizin mets-server``: a socket or a port at which METS clients reach one workspace."""

from __future__ import annotations

from pathlib import Path

import click

from offizin.cli.options import mets_argument, server_options
from offizin.cli.verbosity import verbosity_option


@click.command("mets-server")
@mets_argument
@click.option(
    "-U", "--socket", metavar="PATH", type=click.Path(path_type=Path),
    help="Where the socket is to be. [default: where the reference has it, below OCRD_NETWORK_SOCKETS_ROOT_DIR]",
)  # fmt: skip
@click.option(
    "--address", metavar="HOST:PORT", help="Listen at this port of loopback instead of a socket; 0: any free."
)
@server_options
@verbosity_option
def command(mets: Path, socket: Path | None, address: str | None, server: str | None, home: Path | None) -> int:
    """Serve the METS of one workspace to OCR-D programs that are called by hand with `-U`, until Ctrl-C.

    The server knows what they add at once, and what its own runs make is seen by them. mets.xml is written when they
    ask for it, as all of them do in the end. The socket is yours alone.

    \b
    Examples:
      offizin mets-server my-book
      ocrd workspace -d my-book -U SOCKET list-group
      ocrd-dummy -U SOCKET -m my-book/mets.xml -I OCR-D-IMG -O OCR-D-COPY
    """
    from offizin.cli.connection import Place, run_async
    from offizin.cli.serving_mets import serve_mets

    return run_async(serve_mets(Place(server, home), mets, socket, address))
