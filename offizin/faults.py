"""Named fault points, for tests that kill: the one deliberate global of the project, empty outside of tests.

``OFFIZIN_FAULT=point`` or ``point:N`` makes a server kill itself with SIGKILL when it gets there for the N-th time.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

# What a crash may fall between. The kill test goes through all of them.
POINTS = (
    "submission: before commit",
    "submission: after commit",
    "dispatch: after commit",
    "completion: before commit",
    "completion: after commit",
    "ending: before save",
    "save: temporary file written",
    "save: names exchanged",
    "ending: after save",
    "ending: after commit",
    "callback: delivered",
)

# Such on the way of what is not done to every book; they have tests of their own.
SELDOM = ("undo: after commit", "finish: after commit")

_hook: Callable[[str], None] | None = None


def reach(point: str) -> None:
    """The program is at this point now."""
    if _hook is not None:
        _hook(point)


def set_hook(hook: Callable[[str], None] | None) -> None:
    global _hook  # noqa: PLW0603
    _hook = hook


def install_from(environment: str | None) -> None:
    """Obey ``OFFIZIN_FAULT``. Raises ValueError for a point that does not exist."""
    if not environment:
        return
    name, _, number = environment.rpartition(":") if environment[-1:].isdigit() else (environment, "", "1")
    if name not in (*POINTS, *SELDOM):
        raise ValueError(f"OFFIZIN_FAULT: there is no point {name!r}; there are: {', '.join((*POINTS, *SELDOM))}")
    left = int(number)

    def kill(point: str) -> None:
        nonlocal left
        if point == name:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    set_hook(kill)
