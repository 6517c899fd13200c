"""Where processors are looked for, and what they find around them when they run."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from offizin.processors.language_data import VARIABLE, tessdata_directories

NO_DEBUGGER = "CYSIGNALS_CRASH_NDEBUG"


def search_path(environment: Mapping[str, str]) -> str:
    """PATH, and behind it the programs of our own virtual environment, which need not be activated."""
    own = str(Path(sys.executable).parent)
    path = environment.get("PATH", "")
    return path if own in path.split(os.pathsep) else f"{path}{os.pathsep}{own}"


def runner_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What is put over the server's environment for processors, unless the administrator has set it: where language
    data lies, and that a crash of ocrd 3 (by way of cysignals) does not call a debugger for half a minute first."""
    found = {} if NO_DEBUGGER in environment else {NO_DEBUGGER: "1"}
    if not environment.get(VARIABLE) and (directories := tessdata_directories(environment)):
        found[VARIABLE] = str(directories[0])
    return found
