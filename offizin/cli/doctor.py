"""``offizin doctor``: what is missing on this machine."""

from __future__ import annotations

from pathlib import Path

import click

from offizin.cli.options import home_option, json_option
from offizin.cli.verbosity import verbosity_option


@click.command("doctor")
@json_option
@home_option
@verbosity_option
def command(as_json: bool, home: Path | None) -> int:
    """Look for what is missing on this machine, and tell the command that mends it.

    Asks every processor whether it answers, which takes a while the first time. Ends with exit code 0 when all is
    well, and 1 when something must be mended; notes (!) are no problems yet.
    """
    from offizin.cli.connection import run_async
    from offizin.cli.diagnosis import diagnose

    return run_async(diagnose(home, as_json=as_json))
