"""What a job writes on a worker of its own, as it comes from there."""

from __future__ import annotations

import asyncio

from fastapi import Request
from starlette.exceptions import HTTPException

from offizin.api.job_views import job_unknown
from offizin.errors import Conflict, NotFound, Unavailable
from offizin.offizin import Offizin
from offizin.store import jobs, pieces, runs
from offizin.store.transaction import Transaction

MOST_BYTES = 1024 * 1024


async def take_part(offizin: Offizin, job_id: str, attempt: int, piece: int, offset: int, request: Request) -> None:
    """The body is what this attempt wrote from byte ``offset`` on. Taken in twice, it stands there once.

    Raises JobUnknown, NotFound, Conflict, OwnedElsewhere, Unavailable, and an HTTPException of status 413.
    """
    if not offizin.workforce.sender.name:
        raise Conflict("no worker of its own works for this server", advice="Its own slots write logs by themselves.")
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > MOST_BYTES:
            raise HTTPException(413, f"a part of a log is at most {MOST_BYTES // 1024 // 1024} MiB long")
    run_id = await offizin.database.read(lambda tx: _run_of(offizin, tx, job_id, attempt, piece))
    try:
        await asyncio.to_thread(offizin.log_parts.write, run_id, job_id, attempt, piece, offset, bytes(content))
    except OSError as error:
        raise Unavailable(f"the log of job {job_id} cannot be written: {error.strerror}") from error


def _run_of(offizin: Offizin, tx: Transaction, job_id: str, attempt: int, piece: int) -> str:
    """The run of a job that has, or had, this attempt."""
    row = jobs.rows_by_id(tx, [job_id]).get(job_id)
    if row is None:
        raise job_unknown(job_id)
    offizin.ownership.check_job(tx, job_id)
    if row.page is not None:
        latest = row.attempt if piece == 0 else 0
    else:
        found = pieces.row(tx, row.seq, piece)
        latest = found.attempt if found is not None else 0
    if not 1 <= attempt <= latest:
        raise NotFound(f"job {job_id} has no attempt {attempt} at its piece {piece}")
    return runs.ids(tx, {row.run})[row.run]
