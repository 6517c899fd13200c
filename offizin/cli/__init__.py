"""The command ``offizin``."""

from __future__ import annotations

from typing import NoReturn


def main() -> NoReturn:
    """Run the command with this process's arguments and end the process with its exit code."""
    from offizin.cli.program import run_program

    run_program()
