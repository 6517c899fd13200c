"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

SERVER_VARIABLE = "OCRD_NETWORK_SERVER_ADDR_PROCESSING"
TOKEN_VARIABLE = "OFFIZIN_TOKEN"


def server_options(function: F) -> F:
    """``--server`` and ``--home``: where the runs are."""
    return server_option(home_option(function))


def server_option(function: F) -> F:
    return click.option(
        "--server",
        metavar="URL",
        envvar=SERVER_VARIABLE,
        show_envvar=True,
        help="The server to use, as in http://host:8000 or https://name:token@host (or the token in OFFIZIN_TOKEN). "
        "Without it: the server that runs on the home directory, or none.",
    )(function)


def home_option(function: F) -> F:
    return click.option(
        "--home",
        metavar="DIR",
        type=click.Path(file_okay=False, path_type=Path),
        help="Where database and logs lie. [default: OFFIZIN_HOME, or your data directory]",
    )(function)


def slots_option(function: F) -> F:
    return click.option(
        "--slots",
        metavar="N",
        type=click.IntRange(1),
        help="How many pages are worked on at once. [default: one for each core]",
    )(function)


def json_option(function: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, for programs.")(function)


def mets_argument(function: F) -> F:
    return click.argument("mets", type=click.Path(path_type=Path))(function)


def mets_file(given: Path) -> Path:
    """A METS may be named by its directory. Absolute; nothing is looked up but whether it is a directory."""
    absolute = given.absolute()
    return absolute / "mets.xml" if absolute.is_dir() else absolute
