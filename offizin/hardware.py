"""What this machine has to compute with."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

import psutil

# In the head of the table that nvidia-smi prints, as in "CUDA Version: 12.4".
_CUDA = re.compile(r"CUDA Version: *([0-9.]+)")
# A driver that hangs takes longer than that, in seconds.
PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Hardware:
    """``ram`` in bytes; ``cpu_cores`` that this process may use; ``cuda_version`` is empty without a driver."""

    ram: int
    cpu_cores: int
    cuda_version: str


def ask_driver() -> str:
    """What ``nvidia-smi`` prints; empty where there is none, or it does not answer. Blocking."""
    try:
        return subprocess.run(
            ["nvidia-smi"], stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=True
        ).stdout.decode(errors="replace")
    except (OSError, subprocess.SubprocessError):
        return ""


class HardwareProbe:
    """Looks once, in a thread: drivers and memory do not change while a server runs."""

    def __init__(self, driver: Callable[[], str] = ask_driver) -> None:
        self._driver = driver
        self._found: Hardware | None = None
        self._turn = asyncio.Lock()

    async def look(self) -> Hardware:
        async with self._turn:
            if self._found is None:
                self._found = await asyncio.to_thread(self._look)
            return self._found

    def _look(self) -> Hardware:
        found = _CUDA.search(self._driver())
        return Hardware(
            psutil.virtual_memory().total, len(os.sched_getaffinity(0)), "" if found is None else found[1].rstrip(".")
        )
