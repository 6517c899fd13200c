"""``offizin processors``: what can be run."""

from __future__ import annotations

from pathlib import Path

import click

from offizin.cli.options import json_option, server_options
from offizin.cli.verbosity import verbosity_option


@click.command("processors")
@click.option("--all", "show_all", is_flag=True, help="With programs and versions; also those that do not answer.")
@click.option("--models", "models_of", metavar="PROCESSOR", help="List the models that this processor finds instead.")
@json_option
@server_options
@verbosity_option
def command(show_all: bool, models_of: str | None, as_json: bool, server: str | None, home: Path | None) -> int:
    """List the OCR-D processors that can be run, with what they say of themselves.

    Slow the first time, because each is asked. `PROCESSOR --help` tells a processor's parameters; models are fetched
    with the `ocrd resmgr download` of its environment.
    """
    from offizin.cli.connection import run_async
    from offizin.cli.processor_list import show_models, show_processors

    if models_of:
        return run_async(show_models(server, home, models_of, as_json=as_json))
    return run_async(show_processors(server, home, show_all=show_all, as_json=as_json))
