"""Names of logs, relative to the directory of logs in a home. Pure."""

from __future__ import annotations

from pathlib import Path

_ENDING = ".log"


def job_log_name(run_id: str, job_id: str) -> str:
    """A job's log: a directory for each run, so that no directory grows without bound."""
    return f"{run_id}/{job_id}{_ENDING}"


def job_log(home: Path | str, run_id: str, job_id: str) -> str:
    """Where a job's log lies in a server's home."""
    return f"{home}/logs/{job_log_name(run_id, job_id)}"


def attempt_log_name(job: str, attempt: int, piece: int) -> str:
    """What one attempt writes on a worker of its own. It lies there only until its server has it."""
    return f"{job}.{attempt}.{piece}{_ENDING}"


def named_attempt(name: str) -> tuple[str, int, int] | None:
    """``(job, attempt, piece)`` of such a name."""
    parts = name.removesuffix(_ENDING).rsplit(".", 2)
    if not name.endswith(_ENDING) or len(parts) != 3 or not (parts[1].isdecimal() and parts[2].isdecimal()):
        return None
    return parts[0], int(parts[1]), int(parts[2])
