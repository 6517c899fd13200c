"""What failed in a run as it stands now, page by page. What was done again with success is no failure any more."""

from __future__ import annotations

from offizin.api.job_views import run_unknown
from offizin.api.models import Failure, Failures
from offizin.jobs import State
from offizin.offizin import Offizin
from offizin.store import attempts, pieces, runs, shown_jobs
from offizin.store.attempts import FailedAttempt
from offizin.store.shown_jobs import ShownJob
from offizin.store.transaction import Transaction


async def failures(offizin: Offizin, run_id: str, limit: int) -> Failures:
    """In the order of the jobs. Raises RunUnknown."""

    def read(tx: Transaction) -> Failures:
        run = runs.by_id(tx, run_id)
        if run is None:
            raise run_unknown(run_id)
        found: list[Failure] = []
        for job in shown_jobs.shown(tx, run=run.seq, states={State.FAILED}, limit=limit + 1):
            found.extend(_of_job(tx, job))
            if len(found) > limit:
                break
        return Failures(failures=found[:limit], more=len(found) > limit)

    return await offizin.database.read(read)


def _of_job(tx: Transaction, job: ShownJob) -> list[Failure]:
    tried = attempts.of_job(tx, job.seq)
    if job.page is not None:
        return [_failure(job, job.page, job.cause, job.message, tried[-1] if tried else None)]
    by_page = {attempt.page: attempt for attempt in tried if attempt.page is not None}
    by_piece = {attempt.piece: attempt for attempt in tried if attempt.page is None}
    pages = pieces.pages(tx, job.seq, {State.FAILED})
    if not pages:
        return [_failure(job, None, job.cause, job.message, tried[-1] if tried else None)]
    return [
        _failure(
            job, page.page, page.cause, page.message,
            by_page.get(page.page) or (None if page.piece is None else by_piece.get(page.piece)),
        )
        for page in pages
    ]  # fmt: skip


def _failure(job: ShownJob, page: str | None, cause: str | None, message: str, last: FailedAttempt | None) -> Failure:
    return Failure(
        job_id=job.id,
        step=job.step,
        processor=job.processor,
        page_id=page,
        attempt=last.attempt if last else job.attempt,
        cause=cause or "",
        message=message,
        log_tail=last.log_tail if last else "",
        seconds=last.seconds if last else job.seconds or 0.0,
        host=last.host if last else "",
        runner=last.runner if last else 0,
        peak_memory=last.peak_memory if last else 0,
    )
