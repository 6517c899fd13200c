"""Processes on this machine that outlived whom they worked for: METS servers of the reference, and runners of ours."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator

import psutil

log = logging.getLogger(__name__)

DEFAULT_MINUTES = 90
MOST_MINUTES = 100 * 366 * 24 * 60
END_SECONDS = 5.0

# Source: ocrd_network/server_utils.py, kill_mets_server_zombies.
_METS_SERVER = re.compile(r"(^|[ /])ocrd workspace -U.*server start$")

# Who takes in orphans is none of these.
_WORKERS = ("python", "pypy", "offizin", "uvicorn", "gunicorn", "pytest")


def end_zombies(
    minutes: int,
    *,
    dry_run: bool,
    mark: str,
    now: Callable[[], float] = time.time,
    processes: Callable[[], Iterable[psutil.Process]] = psutil.process_iter,
) -> list[int]:
    """The pids of those that are older than so many minutes, ended unless ``dry_run``. Blocking.

    ``mark`` is the variable in the environment of every runner and of all that it starts. Processes of other users are
    left alone, unless we may end them.
    """
    oldest = now() - 60 * minutes
    found = [one for one in _zombies(processes(), mark) if one.create_time() <= oldest]
    told = []
    for process in found:
        try:
            log.info("%s process %d: %s", "would end" if dry_run else "ending", process.pid, _command(process))
            if not dry_run:
                process.terminate()
            told.append(process)
        except psutil.AccessDenied:
            log.warning("process %d may not be ended by this user", process.pid)
        except psutil.NoSuchProcess:
            pass
    if not dry_run:
        for process in psutil.wait_procs(told, END_SECONDS)[1]:
            try:
                process.kill()
            except psutil.Error:
                pass
    return sorted(process.pid for process in told)


def _zombies(processes: Iterable[psutil.Process], mark: str) -> Iterator[psutil.Process]:
    for process in processes:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            if _METS_SERVER.search(_command(process)) or (_has(process, mark) and _is_orphan(process, mark)):
                yield process
        except psutil.Error:
            continue


def _is_orphan(process: psutil.Process, mark: str) -> bool:
    """Whether nobody is above it who could have started it: going up, the first without the mark is the system's."""
    for above in process.parents():
        if not _has(above, mark):
            return not above.name().startswith(_WORKERS)
    return True


def _has(process: psutil.Process, mark: str) -> bool:
    try:
        return mark in process.environ()
    except (psutil.Error, OSError):
        return False


def _command(process: psutil.Process) -> str:
    return " ".join(process.cmdline()).strip()
