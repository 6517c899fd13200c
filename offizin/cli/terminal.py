"""The consoles: results go to standard output, progress and notes to standard error."""

from __future__ import annotations

import os
import sys

from rich.console import Console


def result_console() -> Console:
    """Tables are as wide as they must be where nobody looks, and fit the window where somebody does."""
    width = None if sys.stdout.isatty() else int(os.environ.get("COLUMNS", "160"))
    return Console(highlight=False, width=width, soft_wrap=False)


def progress_console() -> Console:
    """``is_terminal`` says whether something may move there."""
    moving = sys.stderr.isatty() and os.environ.get("TERM") not in ("dumb", "")
    return Console(stderr=True, highlight=False, force_terminal=moving)
