"""How a command that cannot do what it should tells so: what is wrong, and what to do."""

from __future__ import annotations

import click

from offizin.errors import OffizinError

INTERNAL_FAULT = 70  # EX_SOFTWARE of sysexits.h


def said(fault: OffizinError) -> str:
    """``Error: …`` and, where there is advice, ``Hint: …``."""
    return "\n".join([f"Error: {fault.message}", *([f"Hint: {_sentence(fault.advice)}"] if fault.advice else [])])


def usage_said(fault: click.ClickException) -> str:
    """The same for what click has found wrong on the command line."""
    message = f"Error: {_sentence(fault.format_message())}"
    if isinstance(fault, click.UsageError) and fault.ctx is not None:
        return f"{message}\nHint: See `{fault.ctx.command_path} --help`."
    return message


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
