"""The doctor's look at the machine: Python, locale, limits, memory, disks and the home directory. Blocking."""

from __future__ import annotations

import locale
import os
import resource
import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path

import psutil

from offizin.cli.finding import Finding, note, problem, well
from offizin.errors import Unavailable
from offizin.store.dialects import refuse_network_file_system

OLDEST_PYTHON = (3, 11)
OLDEST_SQLITE = (3, 35)  # RETURNING
OPEN_FILES = 1024
GIB = 1024**3
# Free space below which work will stop soon, and below which a bigger book may not fit, in bytes.
NO_SPACE, LITTLE_SPACE = GIB // 2, 5 * GIB
# Memory below which a recogniser with a big model will hardly run, in bytes.
LITTLE_MEMORY = 2 * GIB


def python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    seen = f"Python {version} in {sys.prefix}, SQLite {sqlite3.sqlite_version}"
    if sys.version_info < OLDEST_PYTHON:
        return problem("Python", seen, "Make a virtual environment with Python 3.11 or newer.")
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        return problem("Python", seen, "Use a Python that is linked with SQLite 3.35 or newer.")
    return well("Python", seen)


def locale_encoding() -> Finding:
    encoding = locale.getencoding()
    if encoding.lower().replace("-", "") == "utf8":
        return well("locale", encoding)
    return note("locale", f"{encoding}: names with umlauts may go wrong in other programs", "export LC_ALL=C.UTF-8")


def open_files() -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    seen = "no limit" if soft == resource.RLIM_INFINITY else f"{soft} at once"
    if soft != resource.RLIM_INFINITY and soft < OPEN_FILES:
        possible = 4096 if hard == resource.RLIM_INFINITY else min(hard, 4096)
        mend = f"ulimit -n {possible}" if possible > soft else "Ask the administrator to raise nofile in limits.conf."
        return problem("open files", f"{seen} are too few for a server", mend)
    return well("open files", seen)


def memory() -> Finding:
    found = psutil.virtual_memory()
    seen = f"{found.available / GIB:.1f} of {found.total / GIB:.1f} GiB free, {os.cpu_count()} cores"
    if found.available < LITTLE_MEMORY:
        return note("memory", seen, "Take fewer slots: offizin run --slots 1")
    return well("memory", seen)


def temporary_directory() -> Finding:
    try:
        directory = tempfile.gettempdir()
        with tempfile.TemporaryFile():
            pass
    except OSError as error:
        return problem("temporary files", f"cannot be written: {error}", "export TMPDIR=… a directory of yours")
    return _space("temporary files", Path(directory), "export TMPDIR=… a directory with more space")


def home_directory(home: Path) -> Finding:
    """Whether database and logs can be written there: it is not made here, the nearest one above is looked at."""
    there = next(path for path in [home, *home.parents] if path.exists())
    elsewhere = "export OFFIZIN_HOME=… a directory of yours on a local disk"
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return problem("home", f"{home} cannot be written", elsewhere)
    try:
        refuse_network_file_system(there / "database")
    except Unavailable as error:
        return problem("home", error.message, elsewhere)
    return _space("home", there, elsewhere, shown=home)


def working_directory() -> Finding:
    """Where books usually are."""
    try:
        return _space("this directory", Path.cwd(), "Make space, or work on another disk.")
    except OSError as error:
        return problem("this directory", f"is not there any more: {error}", "cd into one that exists")


def _space(what: str, directory: Path, mend: str, shown: Path | None = None) -> Finding:
    free = shutil.disk_usage(directory).free
    seen = f"{shown or directory}, {free / GIB:.1f} GiB free"
    if free < NO_SPACE:
        return problem(what, seen, mend)
    return note(what, seen, mend) if free < LITTLE_SPACE else well(what, seen)
