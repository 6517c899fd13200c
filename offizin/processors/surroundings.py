"""Where processors are looked for, and what they find around them when they run."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from offizin.processors.language_data import VARIABLE, tessdata_directories


def search_path(environment: Mapping[str, str]) -> str:
    """PATH, and behind it the programs of our own virtual environment, which need not be activated."""
    own = str(Path(sys.executable).parent)
    path = environment.get("PATH", "")
    return path if own in path.split(os.pathsep) else f"{path}{os.pathsep}{own}"


def runner_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What is put over the server's environment for processors: language data, unless the administrator named some."""
    if environment.get(VARIABLE):
        return {}
    directories = tessdata_directories(environment)
    return {VARIABLE: str(directories[0])} if directories else {}
