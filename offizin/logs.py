"""Job logs: where they lie and how their ends are read."""

from __future__ import annotations

from pathlib import Path

TAIL_LINES = 15
TAIL_BYTES = 4000


def job_log(home: Path | str, run_id: str, job_id: str) -> str:
    """Where a job's log lies: a directory for each run, so that no directory grows without bound."""
    return f"{home}/logs/{run_id}/{job_id}.log"


def log_tail(path: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log, decoded with replacement; empty when there is none. Blocking."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - TAIL_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
