"""Our own routes of workflow runs."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Body, Query, Request
from fastapi.responses import HTMLResponse, Response

from offizin.api import request_checks, run_failures, run_gaps, run_results, run_views
from offizin.api.accepted import accepted
from offizin.api.current import CurrentOffizin
from offizin.api.error_model import errors
from offizin.api.models import (
    MOST,
    CancelAnswer,
    Failures,
    Gaps,
    PriorityChange,
    ResumeAnswer,
    ResumeRequest,
    RetryAnswer,
    RetryRequest,
    RunList,
    RunSummary,
    UndoAnswer,
)
from offizin.api.workspace_bodies import RESULTS
from offizin.errors import (
    Conflict,
    MetsMissing,
    NotFound,
    ParameterInvalid,
    ProcessorUnknown,
    RunUnknown,
    WorkspaceDeleted,
)
from offizin.jobs import State
from offizin.report.contents import RunReport
from offizin.report.html import as_html_file
from offizin.scheduling.redo import Redo

router = APIRouter(tags=["workflow"])


class ReportFormat(StrEnum):
    JSON = "json"
    HTML = "html"


@router.get("/workflow/jobs")
async def list_runs(
    offizin: CurrentOffizin,
    state: State | None = None,
    mets_path: str | None = None,
    before: Annotated[int | None, Query(ge=0, le=MOST)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> RunList:
    """Runs, newest first. ``state``: how they ended; one that is no end stands for all that have not ended."""
    mets = None if mets_path is None else str(request_checks.mets_path(mets_path).resolve())
    return await run_views.list_runs(offizin, state=state, mets=mets, before=before, limit=limit)


@router.get("/workflow/job/{run_id}/summary", responses=errors(RunUnknown))
async def run_summary(offizin: CurrentOffizin, run_id: str) -> RunSummary:
    """A run with its steps, and how many of their jobs are in which state."""
    return await run_views.run_summary(offizin, run_id)


@router.get(
    "/workflow/job/{run_id}/results",
    response_class=Response,
    responses=RESULTS | errors(RunUnknown, NotFound, MetsMissing, WorkspaceDeleted, Conflict),
)
async def get_run_results(request: Request, offizin: CurrentOffizin, run_id: str) -> Response:
    """What a run has made: as a zip the files of the groups that it writes, on its pages; or the text (``Accept:
    text/plain``)."""
    if accepted(request.headers.get("accept", ""), ["application/zip", "text/plain"]) == "text/plain":
        return await run_results.as_text(offizin, run_id)
    return await run_results.as_zip(offizin, run_id)


@router.get("/workflow/job/{run_id}/failures", responses=errors(RunUnknown))
async def failures(
    offizin: CurrentOffizin, run_id: str, limit: Annotated[int, Query(ge=1, le=10_000)] = 100
) -> Failures:
    """What failed in a run, and why, with the last lines of the log."""
    return await run_failures.failures(offizin, run_id, limit)


@router.get("/workflow/job/{run_id}/gaps", responses=errors(RunUnknown))
async def gaps(offizin: CurrentOffizin, run_id: str, limit: Annotated[int, Query(ge=1, le=10_000)] = 100) -> Gaps:
    """The pages that have no output of their own in a step: failed, cancelled, skipped or copied, and why."""
    return await run_gaps.gaps(offizin, run_id, limit)


@router.get(
    "/workflow/job/{run_id}/report",
    response_model=RunReport,
    responses={200: {"content": {"text/html": {"schema": {"type": "string"}}}}, **errors(RunUnknown)},
)
async def report(
    offizin: CurrentOffizin, run_id: str, format: ReportFormat = ReportFormat.JSON
) -> Response | RunReport:
    """What became of a run, to keep: pages, causes, the time of each step, memory, versions, and the pages with the
    least confidence. As HTML it is one file that needs no network, with small pictures of these pages."""
    as_html = format is ReportFormat.HTML
    found = await offizin.reports.report(run_id, pictures=as_html)
    return HTMLResponse(await asyncio.to_thread(as_html_file, found)) if as_html else found


@router.delete("/workflow/job/{workflow_job_id}", responses=errors(RunUnknown, Conflict))
async def cancel_run(offizin: CurrentOffizin, workflow_job_id: str) -> CancelAnswer:
    """Cancel a run: what waits is over at once, what runs is ended."""
    run = await run_views.run_row(offizin, workflow_job_id)
    cancelled = await offizin.cancellation.cancel_run(run.seq)
    if not cancelled.over and not cancelled.running:
        raise Conflict(f"run {workflow_job_id} is over already", advice="There is nothing to cancel.")
    return CancelAnswer(cancelled=cancelled.over, running=cancelled.running)


@router.patch("/workflow/job/{workflow_job_id}", responses=errors(RunUnknown, Conflict))
async def set_priority(offizin: CurrentOffizin, workflow_job_id: str, change: PriorityChange) -> RunSummary:
    """Change the priority of a run. What lies in front of a worker already keeps its place: some 50 ms of work."""
    run = await run_views.run_row(offizin, workflow_job_id)
    await offizin.priorities.set_priority(run.seq, change.priority)
    return await run_views.run_summary(offizin, workflow_job_id)


@router.post("/workflow/job/{run_id}/retry", responses=errors(RunUnknown, ProcessorUnknown, ParameterInvalid, Conflict))
async def retry_run(
    offizin: CurrentOffizin, run_id: str, asked: Annotated[RetryRequest | None, Body()] = None
) -> RetryAnswer:
    """Do parts of a run again, perhaps in another way. Without a body: what failed or was cancelled.

    Jobs that wait or run are left alone; when nothing else is asked for, the answer is 409.
    """
    run = await run_views.run_row(offizin, run_id)
    redo = Redo() if asked is None else request_checks.redo(asked)
    return RetryAnswer(jobs=(await offizin.retrying.retry_run(run, redo)).jobs)


@router.post("/workflow/job/{run_id}/undo", responses=errors(RunUnknown, Conflict))
async def undo_run(offizin: CurrentOffizin, run_id: str, force: bool = False) -> UndoAnswer:
    """Take out of METS and disk what a run has made. ``force``: also what was changed by hand since.

    409 says what is in the way: a later run that has read it, runs under way, files that cannot be brought back.
    """
    run = await run_views.run_row(offizin, run_id)
    undone = await offizin.undoing.undo(run, even_changed=force)
    return UndoAnswer(files=undone.files, file_grps=list(undone.file_grps))


@router.post("/workflow/job/{run_id}/resume", responses=errors(RunUnknown, Conflict))
async def resume_run(offizin: CurrentOffizin, run_id: str, wanted: ResumeRequest | None = None) -> ResumeAnswer:
    """Go on with steps that are paused: because too many pages in a row failed for one cause, or somebody wanted it."""
    run = await run_views.run_row(offizin, run_id)
    wanted = wanted or ResumeRequest()
    resumed = await offizin.step_pauses.resume(run, wanted.step)
    jobs = 0
    if wanted.retry:
        with suppress(Conflict):  # nothing had failed
            jobs = (await offizin.retrying.retry_run(run)).jobs
    return ResumeAnswer(steps=list(resumed.steps), jobs=jobs)
