"""Reading a job's log, also while it grows."""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import AsyncIterator
from pathlib import Path

from offizin.api.job_views import job_unknown
from offizin.logs import job_log, read_part
from offizin.offizin import Offizin
from offizin.store import jobs, shown_jobs
from offizin.store.transaction import Transaction

CHUNK = 64 * 1024
# How often a log that is followed is looked at, in seconds.
PAUSE = 0.2


async def read_log(offizin: Offizin, job_id: str, *, follow: bool, offset: int) -> AsyncIterator[str]:
    """Pieces of the log from ``offset`` bytes on, decoded with replacement; with ``follow`` until the job is over.

    A job that has not begun has an empty log. Raises JobUnknown, and OwnedElsewhere (logs lie with the server that had
    the job), before the first piece.
    """

    def read(tx: Transaction) -> Path:
        found = shown_jobs.shown(tx, ids=[job_id])
        if not found:
            raise job_unknown(job_id)
        offizin.ownership.check_job(tx, job_id)
        return Path(job_log(offizin.home.path, found[0].run_id, job_id))

    return _pieces(offizin, job_id, await offizin.database.read(read), follow, offset)


async def _pieces(offizin: Offizin, job_id: str, path: Path, follow: bool, offset: int) -> AsyncIterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    while True:
        # Asked before the look, so that what was written until then is in it.
        last_look = not follow or offizin.stopping.is_set() or await _is_over(offizin, job_id)
        if not last_look:
            offizin.workforce.follow_log(job_id)
        while content := await asyncio.to_thread(read_part, path, offset, CHUNK):
            offset += len(content)
            if text := decoder.decode(content):
                yield text
        if last_look:
            if rest := decoder.decode(b"", final=True):
                yield rest
            return
        try:
            async with asyncio.timeout(PAUSE):
                await offizin.stopping.wait()
        except TimeoutError:
            pass


async def _is_over(offizin: Offizin, job_id: str) -> bool:
    found = await offizin.database.read(lambda tx: jobs.rows_by_id(tx, [job_id]))
    return job_id not in found or found[job_id].state.is_final
