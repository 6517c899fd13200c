"""Options that say what becomes of pages without output, with output already, and without input."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar

import click

from offizin.workflows.policies import OnExistingOutput, OnMissingInput, OnMissingOutput

F = TypeVar("F", bound=Callable[..., Any])


def policy_options(function: F) -> F:
    """Each becomes a keyword argument named as its policy; ``None`` when it is not given."""
    for option in (
        click.option(
            "--page-timeout", metavar="SECONDS", help="For each page; 0 is no limit. [default: the server's]"
        ),
        click.option(
            "--max-missing-outputs", metavar="N",
            help="So many pages of a step may be missing and the run is a success all the same: a number, a share as "
            "in 0.1 or 10%, or -1 for any number. [default: as many as are skipped or copied, and none that failed]",
        ),
        click.option(
            "--on-missing-input", type=_words(OnMissingInput),
            help="What becomes of a page without input. [default: fail; what an earlier step has skipped is skipped]",
        ),
        click.option(
            "--on-existing-output", type=_words(OnExistingOutput),
            help="What is done with a page that has its output already. [default: skip]",
        ),
        click.option(
            "--on-missing-output", type=_words(OnMissingOutput),
            help="What becomes of a page that gets no output: it has failed, it is skipped, or its input is copied. "
            "[default: fail]",
        ),
    ):  # fmt: skip
        function = option(function)
    return function


def _words(words: type[StrEnum]) -> click.Choice[str]:
    return click.Choice([str(word) for word in words], case_sensitive=False)
