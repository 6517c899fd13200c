"""Files that somebody was writing when killed: ``.NAME.PID-NUMBER.part`` (runners: runner/slice_workspace.py)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

import psutil

_PART = re.compile(r"\..+\.(\d+)-\d+\.part")


def unfinished(path: Path) -> Path:
    """Where a file is written until it is whole and gets its name."""
    return path.with_name(f".{path.name[:200]}.{os.getpid()}-0.part")


def delete_unfinished_files(workspace: Path, file_grps: Iterable[str]) -> list[Path]:
    """Delete those of processes that are gone, in the directories of these file groups; which they were. Blocking."""
    deleted = []
    for file_grp in file_grps:
        try:
            names = [entry.name for entry in os.scandir(workspace / file_grp)]
        except OSError:
            continue
        for name in names:
            part = _PART.fullmatch(name)
            if part and not _lives(int(part[1])):
                path = workspace / file_grp / name
                path.unlink(missing_ok=True)
                deleted.append(path)
    return deleted


def _lives(pid: int) -> bool:
    """A killed process that nobody has reaped yet writes no more."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
