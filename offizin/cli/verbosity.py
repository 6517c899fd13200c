"""``-v``: how much of the log is shown."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any, TextIO, TypeVar

import click

from offizin.trust.one_line import one_line

F = TypeVar("F", bound=Callable[..., Any])

# characters of a line
_LONGEST = 20_000
_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)


def verbosity_option(function: F) -> F:
    """``-v`` for information, ``-vv`` for everything; before or behind the command's name."""
    return click.option(
        "-v",
        "--verbose",
        count=True,
        expose_value=False,
        callback=_take,
        help="Show more of the log (-vv: everything).",
    )(function)


def show_log(level: int) -> None:
    """Log records of Offizin go to standard error, from ``level`` on."""
    root = logging.getLogger()
    if not root.handlers:
        handler = _StandardError()
        handler.setFormatter(_OneLine("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
        root.addHandler(handler)
        root.setLevel(logging.WARNING)
    logging.getLogger("offizin").setLevel(level)
    # It tells a lost connection with traces, and each time that there is still none; we tell it once, in our words.
    logging.getLogger("aiormq").setLevel(logging.DEBUG if level <= logging.DEBUG else logging.CRITICAL)


def show_errors_only() -> None:
    """For commands that only look: warnings about work are for those who do it. ``-v`` shows them all the same."""
    log = logging.getLogger("offizin")
    if log.level == logging.WARNING:
        log.setLevel(logging.ERROR)


class _OneLine(logging.Formatter):
    """A record is one line, and what comes from others in it cannot write lines of its own; traces are indented."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        record.message = one_line(record.message, _LONGEST)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return "\n".join(f"    {one_line(line, _LONGEST)}" for line in super().formatException(ei).split("\n"))


class _StandardError(logging.StreamHandler[TextIO]):
    """Whatever standard error is at the moment: a progress display may have put itself in front of it."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


def _take(context: click.Context, _parameter: click.Parameter, count: int) -> None:
    wanted = max(count, context.obj or 0) if isinstance(context.obj, int | None) else count
    context.obj = wanted
    show_log(_LEVELS[min(wanted, len(_LEVELS) - 1)])
