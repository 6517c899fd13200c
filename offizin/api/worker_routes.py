"""Our own routes of workers, and of what gets no new work."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter

from offizin.api.current import CurrentOffizin
from offizin.api.error_model import errors
from offizin.api.models import PauseSummary, WorkerList
from offizin.api.run_views import run_row
from offizin.api.worker_views import pause_summary, worker_list
from offizin.errors import Conflict, NotFound
from offizin.offizin import Offizin
from offizin.store.pauses import PauseKind, place_of, step_of
from offizin.store.runs import RunRow

router = APIRouter(tags=["admin"])


@router.get("/workers")
async def workers(offizin: CurrentOffizin) -> WorkerList:
    """The workers that live, what they hold, and what is paused. Whoever drains asks until it is ``drained``."""
    return await worker_list(offizin)


@router.put("/pauses/{kind}/{name:path}", responses=errors(NotFound, Conflict))
async def pause(offizin: CurrentOffizin, kind: PauseKind, name: str) -> PauseSummary:
    """Give a processor, the workers of a host, a processor on one host (HOST/PROCESSOR), or a step of a run (RUN/STEP,
    counted from 1) no new work from now on, also after a restart. Jobs wait where they are; what has begun goes on;
    what workers of a paused host have not begun goes to others."""
    if kind is PauseKind.STEP:
        await offizin.step_pauses.pause(*await _step(offizin, name))
    else:
        await _require(offizin, kind, name)
        await offizin.pauses.pause(kind, name)
    if (found := await pause_summary(offizin, kind, name)) is None:
        raise Conflict(f"{kind} {name} was resumed at the same moment", advice="Look who does that.")
    return found


@router.delete("/pauses/{kind}/{name:path}", status_code=204, responses=errors(NotFound, Conflict))
async def resume(offizin: CurrentOffizin, kind: PauseKind, name: str) -> None:
    """Give it work again. POST /workflow/job/{run_id}/resume can do more for a step."""
    if kind is PauseKind.STEP:
        await offizin.step_pauses.resume(*await _step(offizin, name))
    elif not await offizin.pauses.resume(kind, name):
        raise Conflict(f"{kind} {name} is not paused", advice="GET /workers tells what is paused.")


async def _step(offizin: Offizin, name: str) -> tuple[RunRow, int]:
    """Raises NotFound."""
    found = step_of(name)
    if found is None:
        raise NotFound(f"{name} names no step", advice="Write RUN/STEP, the step counted from 1.")
    return await run_row(offizin, found[0]), found[1]


async def _require(offizin: Offizin, kind: PauseKind, name: str) -> None:
    """A slip of the pen shall not look like a pause."""
    if offizin.pauses.is_paused(kind, name):
        return
    if kind is PauseKind.PROCESSOR:
        await asyncio.to_thread(offizin.processors.require, name)
        return
    host = name
    if kind is PauseKind.HOST_AND_PROCESSOR:
        host, processor = place_of(name)
        await asyncio.to_thread(offizin.processors.require, processor)
    hosts = sorted({worker.host for worker in offizin.workforce.workers()})
    if host not in hosts:
        known = f"There are workers on {', '.join(hosts)}." if hosts else "There are no workers at all."
        raise NotFound(f"no worker is on a host named {host}", advice=known)
