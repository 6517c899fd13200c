"""How much memory a process takes, and whether the kernel has ended it for want of memory.

Nobody tells who sent a SIGKILL. But the kernel counts whom it kills, by control group (``memory.events``, or
``memory.oom_control`` of version 1), or else for the whole machine (``/proc/vmstat``).
https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

# So often it is looked, in seconds.
EVERY = 0.25
# Where nobody counts: a process that took so much of all memory was killed for that.
NEARLY_ALL = 0.9

_PEAK = re.compile(rb"^VmHWM:\s+(\d+) kB", re.MULTILINE)
_KILLS = re.compile(rb"^oom_kill (\d+)", re.MULTILINE)


class MemoryWatch:
    """Of one process, from now on. ``look`` is to be called while it works. ``proc`` and ``cgroups`` are where the
    kernel shows both."""

    def __init__(self, pid: int, proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")) -> None:
        self.peak = 0  # bytes
        self._status = proc / str(pid) / "status"
        group = _group_of(proc / str(pid) / "cgroup", cgroups)
        self._counter = next((file for file in (*_counters(group), proc / "vmstat") if _kills(file) is not None), None)
        self._limits = [group / name for name in ("memory.max", "memory.limit_in_bytes")] if group else []
        # What was counted at the last look, and at the one before: by the last it may have been dead already.
        self._counted = self._counted_before = _kills(self._counter) or 0
        self._looked_at = time.monotonic()

    def look(self) -> None:
        """Cheap, and seldom more than that."""
        now = time.monotonic()
        if self.peak and now - self._looked_at < EVERY:
            return
        self._looked_at = now
        if found := _PEAK.search(_read(self._status)):
            self.peak = max(self.peak, int(found[1]) * 1024)
        self._counted, self._counted_before = _kills(self._counter) or 0, self._counted

    def ended_by_kernel(self) -> bool:
        """Of a process that has just ended by SIGKILL, which we did not send."""
        if self._counter is not None:
            return (_kills(self._counter) or 0) > self._counted_before
        limits = [int(text) for file in self._limits if (text := _read(file).strip()).isdigit()]
        return self.peak >= NEARLY_ALL * min([*limits, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")])


def _counters(group: Path | None) -> list[Path]:
    return [group / name for name in ("memory.events", "memory.oom_control")] if group else []


def _group_of(file: Path, cgroups: Path) -> Path | None:
    """The directory of its control group for memory, of either version. In a container the name may be one of outside:
    then it is the root that is seen there."""
    for line in _read(file).decode(errors="replace").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, name = rest.partition(":")
        if "memory" in controllers.split(","):
            root = cgroups / "memory"
        elif number == "0" and (cgroups / "cgroup.controllers").exists():
            root = cgroups
        else:
            continue
        own = root / name.lstrip("/")
        return own if own.is_dir() else root
    return None


def _kills(file: Path | None) -> int | None:
    found = None if file is None else _KILLS.search(_read(file))
    return int(found[1]) if found else None


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""
