"""The temporary files of a save, and what is to be done with those that a killed one left behind.

For a METS ``mets.xml``: ``.mets.xml.offizin-HOST-PID-part`` while it is written (worthless after a crash), then
``.mets.xml.offizin-HOST-PID-swap-OLD-NEW`` with the digests of what is replaced and of what replaces it. After a crash
between exchange and comparison that file holds what was in mets.xml before, and the digests tell whether it was ours.
"""

from __future__ import annotations

import os
import re
import socket
import time
from pathlib import Path

from offizin.mets.stamp import digest_of

_ENDING = re.compile(r"(?P<host>.+)-(?P<pid>\d+)-(part|swap-(?P<old>[0-9a-f]+)-(?P<new>[0-9a-f]+))")
_FOREIGN_HOST_SECONDS = 3600.0  # after which a save on another host is taken for dead


def part_name(target: Path) -> Path:
    return _temporary(target, "part")


def swap_name(target: Path, old_digest: str, new_digest: str) -> Path:
    return _temporary(target, f"swap-{old_digest}-{new_digest}")


def clear_leftovers(target: Path) -> None:
    """Delete temporary files of saves that are over, and put back a change that one had displaced. Blocking.

    ``target`` is the METS itself, not a link to it. Those of another process that lives are left alone.
    """
    prefix = f".{target.name}.offizin-"
    try:
        names = [entry.name for entry in os.scandir(target.parent) if entry.name.startswith(prefix)]
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        ending = _ENDING.fullmatch(name.removeprefix(prefix))
        leftover = target.with_name(name)
        try:
            if ending is not None and _is_over(ending, leftover):
                _clear(leftover, target, ending["old"], ending["new"])
        except FileNotFoundError:
            continue  # cleared by somebody else, or the METS itself is gone


def _clear(leftover: Path, target: Path, old: str | None, new: str | None) -> None:
    if old is None or digest_of(leftover.read_bytes()) in (old, new):
        leftover.unlink()
    elif digest_of(target.read_bytes()) == new:
        # somebody else's change: killed after the exchange and before it was looked at
        leftover.replace(target)
    # else it was written again since; which of the two counts is not ours to choose


def _is_over(ending: re.Match[str], leftover: Path) -> bool:
    if ending["host"] != socket.gethostname():
        return time.time() - leftover.stat().st_mtime > _FOREIGN_HOST_SECONDS
    pid = int(ending["pid"])
    if pid == os.getpid():
        return True  # one save at a time for a workspace, and this is it
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _temporary(target: Path, ending: str) -> Path:
    return target.with_name(f".{target.name}.offizin-{socket.gethostname()}-{os.getpid()}-{ending}")
