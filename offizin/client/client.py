"""An HTTP client of a server's API. Answers are values, faults are the errors of ``offizin.errors``."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import msgspec

from offizin.client.answers import (
    Cancelled,
    Changes,
    Failures,
    Gaps,
    Health,
    JobDetails,
    JobPage,
    PauseSummary,
    ProcessorList,
    ProcessorModels,
    ProcessorSummary,
    Resumed,
    Retried,
    RunPage,
    RunSummary,
    SubmittedRun,
    Token,
    TokenList,
    Undone,
    WorkerList,
)
from offizin.client.event_stream import read_events
from offizin.client.faults import error_from, unreachable
from offizin.client.orders import FAILED, Again, Order
from offizin.client.workspaces import WorkspaceRequests

SLOW_PROGRAMS = httpx.Timeout(600.0, connect=10.0)


class Client(WorkspaceRequests):
    """``async with Client(url)``. ``url`` may hold user and password, or be ``unix:/path/of/a/socket``. ``token`` is
    sent where the URL holds none; ``certificate`` is a PEM file with the one certificate that the server may show.

    Every method raises the error that the server answered with, and Unavailable when none answers.
    ``transport`` stands in for the network.
    """

    async def health(self) -> Health:
        return await self._ask("GET", "/healthz", Health)

    async def processors(self) -> list[ProcessorSummary]:
        """All processors that answer; slow the first time, because each is asked."""
        return (await self._ask("GET", "/processors", ProcessorList, timeout=SLOW_PROGRAMS)).processors

    async def models(self, processor: str) -> list[str]:
        """Those that a processor finds; slow the first time, because it is asked."""
        path = f"/processor/info/{quote(processor, safe='')}/models"
        return (await self._ask("GET", path, ProcessorModels, timeout=SLOW_PROGRAMS)).models

    async def submit(self, order: Order) -> str:
        """Submit a workflow; the run's id."""
        parameters = {
            "mets_path": str(order.mets),
            "page_id": order.pages or None,
            "page_wise": order.page_wise,
            "priority": order.priority,
            "overwrite": order.overwrite,
            "description": order.description or None,
            **order.policies.to_json(),
        }
        given = {key: value for key, value in parameters.items() if value is not None}
        text = {"workflow": (None, order.workflow.encode())}
        submitted = await self._ask("POST", "/workflow/run", SubmittedRun, params=given, files=text)
        return submitted.job_id

    async def run(self, run_id: str) -> RunSummary:
        return await self._ask("GET", f"/workflow/job/{quote(run_id, safe='')}/summary", RunSummary)

    async def runs(self, *, state: str = "", mets: Path | None = None, before: str = "", limit: int = 50) -> RunPage:
        asked: dict[str, str | int] = {"state": state, "mets_path": str(mets or ""), "before": before, "limit": limit}
        return await self._ask("GET", "/workflow/jobs", RunPage, params=_given(asked))

    async def failures(self, run_id: str, limit: int = 100) -> Failures:
        path = f"/workflow/job/{quote(run_id, safe='')}/failures"
        return await self._ask("GET", path, Failures, params={"limit": limit})

    async def gaps(self, run_id: str, limit: int = 100) -> Gaps:
        path = f"/workflow/job/{quote(run_id, safe='')}/gaps"
        return await self._ask("GET", path, Gaps, params={"limit": limit})

    async def report(self, run_id: str, *, as_html: bool) -> bytes:
        """A run's report, as one HTML file or as JSON."""
        path = f"/workflow/job/{quote(run_id, safe='')}/report"
        async with self._stream(path, {"format": "html" if as_html else "json"}) as response:
            return await response.aread()

    async def jobs(
        self, *, run: str = "", state: str = "", processor: str = "", after: str = "", limit: int = 100
    ) -> JobPage:
        asked: dict[str, str | int] = {"run": run, "state": state, "processor": processor, "after": after}
        return await self._ask("GET", "/processor/jobs", JobPage, params=_given(asked | {"limit": limit}))

    async def job(self, job_id: str) -> JobDetails:
        return await self._ask("GET", f"/processor/job/{quote(job_id, safe='')}/details", JobDetails)

    async def cancel_run(self, run_id: str) -> Cancelled:
        return await self._ask("DELETE", f"/workflow/job/{quote(run_id, safe='')}", Cancelled)

    async def cancel_job(self, job_id: str) -> Cancelled:
        return await self._ask("DELETE", f"/processor/job/{quote(job_id, safe='')}", Cancelled)

    async def retry_run(self, run_id: str, again: Again = FAILED) -> int:
        """Do parts of a run again; how many jobs wait again."""
        path = f"/workflow/job/{quote(run_id, safe='')}/retry"
        return (await self._ask("POST", path, Retried, json=again.to_json())).jobs

    async def resume_run(self, run_id: str, step: int | None = None, *, retry: bool = False) -> Resumed:
        """Go on with one paused step (from 0), or all; with ``retry`` also with what has failed. Raises Conflict when
        nothing is paused."""
        body = {"step": step, "retry": retry}
        return await self._ask("POST", f"/workflow/job/{quote(run_id, safe='')}/resume", Resumed, json=body)

    async def undo_run(self, run_id: str, *, force: bool = False) -> Undone:
        """Raises Conflict, with what is in the way. ``force``: also what was changed by hand."""
        path = f"/workflow/job/{quote(run_id, safe='')}/undo"
        return await self._ask("POST", path, Undone, params={"force": "true"} if force else {})

    async def set_priority(self, run_id: str, priority: int) -> RunSummary:
        body = {"priority": priority}
        return await self._ask("PATCH", f"/workflow/job/{quote(run_id, safe='')}", RunSummary, json=body)

    async def tokens(self) -> list[Token]:
        return (await self._ask("GET", "/tokens", TokenList)).tokens

    async def create_token(self, name: str, scope: str, expires_in: float | None = None) -> Token:
        """With its secret, which is never told again. Raises Conflict for a name that is taken."""
        body = {"name": name, "scope": scope, "expires_in": expires_in}
        return await self._ask("POST", "/tokens", Token, json=body)

    async def revoke_token(self, name: str) -> None:
        """Raises NotFound and Conflict."""
        await self._ask("DELETE", f"/tokens/{quote(name, safe='')}", type(None))

    async def processor_names(self) -> list[str]:
        return await self._ask("GET", "/processor", list[str])

    async def workers(self) -> WorkerList:
        """The workers that live, and what is paused."""
        return await self._ask("GET", "/workers", WorkerList)

    async def pause(self, kind: str, name: str) -> PauseSummary:
        """``kind`` is processor, host or step (``name`` is RUN/STEP then). What is paused already stays so."""
        return await self._ask("PUT", f"/pauses/{quote(kind)}/{quote(name)}", PauseSummary)

    async def resume(self, kind: str, name: str) -> None:
        """Raises Conflict when it is not paused."""
        await self._ask("DELETE", f"/pauses/{quote(kind)}/{quote(name)}", type(None))

    async def log(self, job_id: str, *, follow: bool = False, offset: int = 0) -> AsyncGenerator[bytes]:
        """A job's log from byte ``offset`` on, in parts as they come; with ``follow`` until the job is over."""
        parameters = {"follow": "true" if follow else "false", "offset": offset}
        async with self._stream(f"/processor/log/{quote(job_id, safe='')}", parameters) as response:
            async for part in response.aiter_bytes():
                yield part

    async def ask_mets_server(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """A request to the METS server of a workspace, wrapped as the reference does: its answer, or what it has
        refused, with ``error`` and ``status``."""
        try:
            response = await self._http.post("/tcp_mets", json=request)
        except httpx.RequestError as error:
            raise unreachable(error, self.server) from error
        if not response.is_success and b'"error"' not in response.content:
            raise error_from(response, self.server)
        return self._decode(response.content, dict[str, Any])

    async def changes(self, *, run: str = "", after: int | None = None) -> AsyncGenerator[Changes]:
        """Changes as they happen, of one run or of all; after number ``after``, or from now on. Without end.

        The first is empty: it says that the server has begun to tell.
        """
        parameters = _given({"run": run, "after": "" if after is None else str(after)})
        async with self._stream("/events", parameters) as response:
            yield Changes(0.0, [])
            async for event in read_events(response.aiter_lines()):
                if event.event == "changes":
                    changes = self._decode(event.data.encode(), Changes)
                    seq = int(event.id) if event.id.isdecimal() else 0
                    yield msgspec.structs.replace(changes, seq=seq)


def _given(parameters: Mapping[str, str | int]) -> dict[str, str | int]:
    return {key: value for key, value in parameters.items() if value != ""}
