"""A child's whole process group, and what has left it: nothing of it may outlive the child.

Descendants that made a session of their own are found in /proc as long as their parents live; orphans by a mark in the
environment that they inherited. What a killed server leaves is found by the mark, too, when the next one starts.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

MARK = "OFFIZIN_RUNNER_MARK"

_POLL_SECONDS = 0.005
_PATIENCE_SECONDS = 5.0


def mark_of(logs: Path) -> str:
    """A new mark, nobody else's; whose runner it is can be told by the directory of its logs."""
    return f"{_owner(logs)}-{secrets.token_hex(8)}"


def end_leftovers(logs: Path) -> int:
    """Kill whatever has been started with its log in this directory, and wait for its end; how many they were.

    For a server that has locked its home: what is left of an earlier one must not write any more. Blocking.
    """
    owner = _owner(logs)
    found = [process for process, mark in _all_marked() if mark.startswith(f"{owner}-") and process.pid != os.getpid()]
    until = time.monotonic() + _PATIENCE_SECONDS
    while sum(map(_kill, found)) and time.monotonic() < until:
        time.sleep(_POLL_SECONDS)
    return len(found)


def _owner(logs: Path) -> str:
    """Not by name: in containers the same directory may have several, and several the same name."""
    status = logs.stat()
    return f"{status.st_dev:x}-{status.st_ino:x}"


class ProcessGroup:
    """The group of a child that was started as leader of a session, so that its pid is the group's number, too.

    ``mark`` is the value of the variable MARK in the child's environment, its alone.
    """

    def __init__(self, leader: int, mark: str) -> None:
        self._leader = leader
        self._mark = mark
        self._strays: list[psutil.Process] = []

    def kill(self) -> None:
        """SIGKILL to the group, and to descendants that made a group of their own (found in /proc before)."""
        try:
            descendants = psutil.Process(self._leader).children(recursive=True)
        except psutil.Error:
            descendants = []
        self._signal_group()
        for process in descendants:
            if process not in self._strays:
                self._strays.append(process)
            _kill(process)

    async def end_what_is_left(self) -> None:
        """For the time after the leader's end: kill the rest and return once it is gone."""
        self._signal_group()
        self._strays += await asyncio.to_thread(self._marked)
        waited = 0.0
        while waited < _PATIENCE_SECONDS and (self._signal_group() or any(map(_kill, self._strays))):
            if waited > 10 * _POLL_SECONDS and not await asyncio.to_thread(self._anybody_alive):
                return
            await asyncio.sleep(_POLL_SECONDS)
            waited += _POLL_SECONDS

    def _marked(self) -> list[psutil.Process]:
        return [process for process, mark in _all_marked() if mark == self._mark]

    def _signal_group(self) -> bool:
        """Whether there was somebody to get it, be it a zombie."""
        try:
            os.killpg(self._leader, signal.SIGKILL)
        except ProcessLookupError:
            return False
        except PermissionError:  # macOS says so of zombies
            return False
        return True

    def _anybody_alive(self) -> bool:
        """Zombies whose new parent does not reap them are not alive."""
        for process in psutil.process_iter():
            try:
                if os.getpgid(process.pid) == self._leader and process.status() != psutil.STATUS_ZOMBIE:
                    return True
            except (psutil.Error, ProcessLookupError):
                pass
        return any(map(_kill, self._strays))


def _all_marked() -> Iterator[tuple[psutil.Process, str]]:
    """Whoever carries a mark. Other users' processes cannot be read, nor need they be."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if mark := process.environ().get(MARK):
                yield process, mark


def _kill(process: psutil.Process) -> bool:
    """Whether it was still there. psutil compares start times, so that a number used again is safe."""
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        process.kill()
    except psutil.NoSuchProcess:
        return False
    return True
