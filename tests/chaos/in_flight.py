"""What a killed server was in the middle of, as its database tells."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class InFlight:
    """``jobs``: pieces and jobs of one page that were QUEUED or RUNNING; ``deltas``: results not yet in a mets.xml;
    ``ends``: runs without an open job whose end was not written; ``callbacks``: those that were still due;
    ``open_jobs``: jobs that were not over, also those that waited."""

    jobs: int
    deltas: int
    ends: int
    callbacks: int
    open_jobs: int = 0

    def __bool__(self) -> bool:
        return bool(self.jobs or self.deltas)


_COUNTS = (
    "SELECT (SELECT count(*) FROM jobs WHERE state IN ('QUEUED', 'RUNNING') AND page IS NOT NULL)"
    " + (SELECT count(*) FROM pieces WHERE state IN ('QUEUED', 'RUNNING'))",
    "SELECT count(*) FROM deltas",
    "SELECT count(*) FROM runs WHERE ended_at IS NULL AND open_jobs = 0",
    "SELECT count(*) FROM callbacks",
    "SELECT coalesce(sum(open_jobs), 0) FROM runs",
)


def look(home: Path) -> InFlight:
    """At the database of a server that runs."""
    return _count(f"file:{home / 'offizin.sqlite'}?mode=ro")


def look_at_what_is_left(home: Path) -> InFlight:
    """Look at a copy: opening a database that was left in the middle of something repairs it. None of it is nothing."""
    if not (home / "offizin.sqlite").exists():
        return InFlight(0, 0, 0, 0)
    with tempfile.TemporaryDirectory() as copy:
        for name in ("offizin.sqlite", "offizin.sqlite-wal"):
            if (home / name).exists():
                shutil.copy(home / name, copy)
        return _count(f"file:{Path(copy) / 'offizin.sqlite'}")


def _count(database: str) -> InFlight:
    with closing(sqlite3.connect(database, uri=True)) as connection:
        return InFlight(*(connection.execute(query).fetchone()[0] for query in _COUNTS))
