"""What is shown of jobs. Nothing is written here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from offizin.api.models import AttemptShown, JobDetails, JobList, JobSummary, PageState
from offizin.api.page_accounts import account, recognised
from offizin.api.reference_models import PYJobOutput
from offizin.errors import JobUnknown, RunUnknown
from offizin.jobs import RunKind, State, shown_job_state
from offizin.logs import job_log
from offizin.offizin import Offizin
from offizin.store import attempts, jobs, page_counts, pieces, runs, shown_jobs
from offizin.store.jobs import JobRow
from offizin.store.page_tallies import PageTally
from offizin.store.shown_jobs import ShownJob
from offizin.store.transaction import Transaction


async def job_output(offizin: Offizin, job_id: str) -> PYJobOutput:
    """As the reference shows it. Raises JobUnknown."""
    job, state = await offizin.database.read(lambda tx: _with_state(tx, _shown(tx, job_id)))
    output: dict[str, Any] = {
        "job_id": job.id,
        "processor_name": job.processor,
        "state": state,
        "path_to_mets": job.mets,
        "input_file_grps": json.loads(job.input_file_grps),
        "output_file_grps": json.loads(job.output_file_grps),
        "log_file_path": job_log(offizin.home.path, job.run_id, job.id),
    }
    if (page_id := _page_id(job)) is not None:
        output["page_id"] = page_id
    if job.managed:
        output["workspace_id"] = job.workspace_id
    return PYJobOutput(**output)


async def job_details(offizin: Offizin, job_id: str) -> JobDetails:
    """Raises JobUnknown."""

    def read(tx: Transaction) -> JobDetails:
        job, state = _with_state(tx, _shown(tx, job_id))
        tried = [
            AttemptShown(
                attempt=a.attempt, piece=a.piece, page_id=a.page, cause=a.cause, message=a.message,
                log_tail=a.log_tail, seconds=a.seconds, peak_memory=a.peak_memory, host=a.host, runner=a.runner,
                again=a.again, ended_at=a.ended_at,
            )
            for a in attempts.of_job(tx, job.seq)
        ]  # fmt: skip
        named = [] if job.page is not None else pieces.pages(tx, job.seq)
        counts = page_counts.of_job(tx, job.seq)
        page_states = [
            PageState(
                page_id=p.page, state=p.state, cause=p.cause, message=p.message, mark=p.mark,
                recognised=recognised(counts.get(p.page)),
            )
            for p in named
        ]  # fmt: skip
        tallies = [PageTally(job.step, p.state, p.mark, False, False, 1) for p in named]
        tallies = tallies or [PageTally(job.step, job.state, job.mark, False, True, 1)]
        return JobDetails(
            **_summary(job, state).model_dump(), parameters=json.loads(job.parameters), attempts=tried,
            page_states=page_states, account=account(tallies),
            recognised=recognised(counts.get(job.page or "")),
        )  # fmt: skip

    return await offizin.database.read(read)


async def list_jobs(
    offizin: Offizin, *, run_id: str | None, state: State | None, processor: str | None, after: int | None, limit: int
) -> JobList:
    """In the order they were submitted. Raises RunUnknown."""

    def read(tx: Transaction) -> JobList:
        run = None
        if run_id is not None:
            row = runs.by_id(tx, run_id)
            if row is None:
                raise run_unknown(run_id)
            run = row.seq
        states = None if state is None else {state}
        found = shown_jobs.shown(tx, run=run, states=states, processor=processor, after=after, limit=limit + 1)
        shown = [_summary(*_with_state(tx, job)) for job in found[:limit]]
        return JobList(jobs=shown, next=str(found[limit - 1].seq) if len(found) > limit else None)

    return await offizin.database.read(read)


async def job_row(offizin: Offizin, job_id: str) -> JobRow:
    """Raises JobUnknown."""
    found = await offizin.database.read(lambda tx: jobs.rows_by_id(tx, [job_id]))
    if job_id not in found:
        raise job_unknown(job_id)
    return found[job_id]


def job_unknown(job_id: str) -> JobUnknown:
    return JobUnknown(f"there is no job {job_id}", advice="GET /processor/jobs lists them.")


def run_unknown(run_id: str) -> RunUnknown:
    return RunUnknown(f"there is no workflow run {run_id}", advice="GET /workflow/jobs lists them.")


def _shown(tx: Transaction, job_id: str) -> ShownJob:
    found = shown_jobs.shown(tx, ids=[job_id])
    if not found:
        raise job_unknown(job_id)
    return found[0]


def _with_state(tx: Transaction, job: ShownJob) -> tuple[ShownJob, State]:
    """A job by itself whose METS could not be saved has failed, whatever its processor did."""
    state = shown_job_state(job.state, job.kind, run_ended=job.run_ended)
    if job.kind is RunKind.JOB and state is State.SUCCESS:
        run = runs.by_id(tx, job.run_id)
        if run is not None and run.state is not State.SUCCESS:
            return job, State.FAILED
    return job, state


def _page_id(job: ShownJob) -> str | None:
    """The selector as it was given; the page where a workflow made a job of each page."""
    if job.kind is RunKind.JOB:
        return job.page_selector or None
    return job.page if job.page is not None else job.page_selector


def _summary(job: ShownJob, state: State) -> JobSummary:
    return JobSummary(
        job_id=job.id, run_id=job.run_id, step=job.step, processor=job.processor, page_id=job.page, pages=job.pages,
        state=state, mark=job.mark, attempt=job.attempt, cause=job.cause, message=job.message, queued_at=job.queued_at,
        started_at=job.started_at, ended_at=job.ended_at, seconds=job.seconds, path_to_mets=job.mets,
        input_file_grps=_names(job.input_file_grps), output_file_grps=_names(job.output_file_grps),
    )  # fmt: skip


def _names(array: str) -> Sequence[str]:
    names: list[str] = json.loads(array)
    return names
