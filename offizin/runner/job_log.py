"""Descriptors 1 and 2: the log of the job that runs, between jobs the runner's own log.

Switched below Python, so that what C libraries and child processes write lands in the job's log, live.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any

_TAIL_LINES = 15
_TAIL_CHARACTERS = 2000


class JobLog:
    def __init__(self) -> None:
        self._own = os.dup(1)
        os.set_inheritable(self._own, False)
        self._job: int | None = None
        self._begin = 0
        self._flush_c: Any = None
        try:
            library = ctypes.CDLL(None)
            self._flush_c = library.fflush
            # C's stdout by lines: a file would get it in blocks, too late to look on
            library.setvbuf(ctypes.c_void_p.in_dll(library, "stdout"), None, 1, 0)
        except (OSError, AttributeError, ValueError):
            pass
        reconfigure = getattr(sys.stdout, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(line_buffering=True)

    def start(self, path: str) -> None:
        """From here on everything is appended to ``path``; its directory is made if needed."""
        self._flush()
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        try:
            log = os.open(path, flags, 0o666)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            log = os.open(path, flags, 0o666)
        self._begin = os.lseek(log, 0, os.SEEK_END)
        os.dup2(log, 1)
        os.dup2(log, 2)
        self._job = log

    def tail(self) -> str:
        """The last lines of what was written since ``start``."""
        if self._job is None:
            return ""
        self._flush()
        end = os.lseek(self._job, 0, os.SEEK_END)
        begin = max(self._begin, end - 4 * _TAIL_CHARACTERS)
        text = os.pread(self._job, end - begin, begin).decode("utf-8", "replace")
        return "\n".join(text.rstrip().splitlines()[-_TAIL_LINES:])[-_TAIL_CHARACTERS:]

    def finish(self) -> None:
        self._flush()
        os.dup2(self._own, 1)
        os.dup2(self._own, 2)
        if self._job is not None:
            os.close(self._job)
            self._job = None

    def _flush(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError, AttributeError):
                pass  # the processor closed it, or the disk is full: not our result
        if self._flush_c is not None:
            self._flush_c(None)
