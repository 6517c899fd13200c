"""Our own routes of processing jobs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from offizin.api import job_views
from offizin.api.current import CurrentOffizin
from offizin.api.error_model import errors
from offizin.api.job_log_parts import take_part
from offizin.api.models import MOST, CancelAnswer, JobDetails, JobList
from offizin.errors import Conflict, NotFound, RunUnknown
from offizin.jobs import State

router = APIRouter(tags=["processing"])


@router.get("/processor/jobs", responses=errors(RunUnknown))
async def list_jobs(
    offizin: CurrentOffizin,
    run: str | None = None,
    state: State | None = None,
    processor: str | None = None,
    after: Annotated[int | None, Query(ge=0, le=MOST)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> JobList:
    """Jobs in the order they were submitted."""
    return await job_views.list_jobs(offizin, run_id=run, state=state, processor=processor, after=after, limit=limit)


@router.get("/processor/job/{job_id}/details")
async def job_details(offizin: CurrentOffizin, job_id: str) -> JobDetails:
    """A job with its failed attempts, and the states of its pages."""
    return await job_views.job_details(offizin, job_id)


LOG_BODY = {"requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string"}}}}}


@router.put(
    "/processor/job/{job_id}/log", status_code=204, responses=errors(NotFound, Conflict), openapi_extra=LOG_BODY
)
async def take_log(
    offizin: CurrentOffizin,
    job_id: str,
    request: Request,
    attempt: Annotated[int, Query(ge=1, le=MOST)],
    piece: Annotated[int, Query(ge=0, le=MOST)],
    offset: Annotated[int, Query(ge=0, le=MOST)],
) -> None:
    """From a worker: the body is what this attempt wrote to the job's log from byte ``offset`` on."""
    await take_part(offizin, job_id, attempt, piece, offset, request)


@router.delete("/processor/job/{job_id}", responses=errors(Conflict))
async def cancel_job(offizin: CurrentOffizin, job_id: str) -> CancelAnswer:
    """Cancel a job, and with it those that need it."""
    row = await job_views.job_row(offizin, job_id)
    cancelled = await offizin.cancellation.cancel_job(row.seq)
    if not cancelled.over and not cancelled.running:
        raise Conflict(f"job {job_id} is over already", advice="There is nothing to cancel.")
    return CancelAnswer(cancelled=cancelled.over, running=cancelled.running)
