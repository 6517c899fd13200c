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


def runner_environment(environment: Mapping[str, str], executable: Path) -> dict[str, str]:
    """What is put over the server's environment for a processor, unless the administrator has set it.

    That a crash of ocrd 3 (by way of cysignals) does not call a debugger for half a minute first; and where language
    data lies, but only for processors of our own environment: others may have a tesseract that knows its own models.
    """
    found = {} if NO_DEBUGGER in environment else {NO_DEBUGGER: "1"}
    ours = executable.is_relative_to(sys.prefix)
    if ours and not environment.get(VARIABLE) and (directories := tessdata_directories(environment)):
        found[VARIABLE] = str(directories[0])
    return found
