"""The reference's routes, each with a bound method of the server as its endpoint.

Source: ocrd_network/processing_server.py of `ocrd` 3.13.3.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel

from offizin.api.error_model import errors
from offizin.api.mets_requests import MetsAnswer
from offizin.api.reference_models import (
    HomePage,
    OcrdTool,
    PYJobOutput,
    PYWorkflowJobOutput,
    RunInfo,
    RunStateAnswer,
    StoredWorkflow,
)
from offizin.errors import (
    Conflict,
    MetsMissing,
    NotFound,
    OffizinError,
    ParameterInvalid,
    PathForbidden,
    ProcessorsMissing,
    ProcessorUnknown,
    RunUnknown,
    WorkflowExists,
    WorkflowUnknown,
    WorkspaceDeleted,
    WorkspaceUnknown,
)

Endpoint = Callable[..., Awaitable[Any]]


class Endpoints(Protocol):
    """What the server must have for each of the routes below."""

    @property
    def home_page(self) -> Endpoint: ...

    @property
    def stop_deployed_agents(self) -> Endpoint: ...

    @property
    def forward_tcp_request_to_uds_mets_server(self) -> Endpoint: ...

    @property
    def kill_mets_server_zombies(self) -> Endpoint: ...

    @property
    def list_processors(self) -> Endpoint: ...

    @property
    def get_worker_ocrd_tool(self) -> Endpoint: ...

    @property
    def validate_and_forward_job_to_worker(self) -> Endpoint: ...

    @property
    def get_processor_job(self) -> Endpoint: ...

    @property
    def get_processor_job_log(self) -> Endpoint: ...

    @property
    def remove_job_from_request_cache(self) -> Endpoint: ...

    @property
    def upload_workflow(self) -> Endpoint: ...

    @property
    def download_workflow(self) -> Endpoint: ...

    @property
    def replace_workflow(self) -> Endpoint: ...

    @property
    def run_workflow(self) -> Endpoint: ...

    @property
    def get_workflow_info_simple(self) -> Endpoint: ...

    @property
    def get_workflow_info(self) -> Endpoint: ...


def reference_router(server: Endpoints) -> APIRouter:
    """The bound methods are looked up here, so those of a subclass are the endpoints. Their answers are described, but
    not changed: ``told`` describes what ``response_model`` would also check."""
    router = APIRouter()
    bare: dict[str, Any] = {"response_model_exclude_unset": True, "response_model_exclude_none": True}
    job: dict[str, Any] = {"response_model": PYJobOutput, **bare}
    run: dict[str, Any] = {"response_model": PYWorkflowJobOutput, "response_model_exclude_defaults": True, **bare}
    text: dict[str, Any] = {"response_class": PlainTextResponse}
    not_run = (ProcessorUnknown, MetsMissing, WorkspaceUnknown, WorkspaceDeleted, ParameterInvalid, Conflict)
    for method, path, endpoint, operation, tags, summary, more in (
        ("GET", "/", server.home_page, "homePage", ["discovery"],
         "Get information about the processing server", told(HomePage)),
        ("POST", "/stop", server.stop_deployed_agents, "stop", ["tools"],
         "Stop the server and what it started", NOTHING_TOLD),
        ("POST", "/tcp_mets", server.forward_tcp_request_to_uds_mets_server, "forwardMetsRequest", ["workspace"],
         "Forward a TCP request to a METS server", told(MetsAnswer, MetsMissing, PathForbidden)),
        ("DELETE", "/kill_mets_server_zombies", server.kill_mets_server_zombies, "killMetsServerZombies",
         ["workflow", "processing"], "End METS servers that were left behind", {}),
        ("GET", "/processor", server.list_processors, "listProcessors", ["processing", "discovery"],
         "Get a list of all available processors", {}),
        ("GET", "/processor/info/{processor_name}", server.get_worker_ocrd_tool, "getProcessor",
         ["processing", "discovery"], "Get information about this processor", told(OcrdTool, ProcessorUnknown)),
        ("POST", "/processor/run/{processor_name}", server.validate_and_forward_job_to_worker, "runProcessor",
         ["processing"], "Submit a job to this processor", {**job, "responses": errors(*not_run)}),
        ("GET", "/processor/job/{job_id}", server.get_processor_job, "getProcessorJob", ["processing"],
         "Get information about a job based on its ID", job),
        ("GET", "/processor/log/{job_id}", server.get_processor_job_log, "getProcessorJobLog", ["processing"],
         "Get the log file of a job id", text),
        ("POST", "/result_callback", server.remove_job_from_request_cache, "reportResult", ["processing"],
         "Callback used by a worker for reporting result of a processing request",
         {"responses": NOTHING_TOLD["responses"] | errors(NotFound, WorkspaceUnknown, WorkspaceDeleted)}),
        ("POST", "/workflow", server.upload_workflow, "postWorkflow", ["workflow"],
         "Upload/Register a new workflow script",
         {"status_code": 201, **told(StoredWorkflow, WorkflowExists, status=201)}),
        ("GET", "/workflow/{workflow_id}", server.download_workflow, "getWorkflow", ["workflow", "discovery"],
         "Download a workflow script", {**text, "responses": errors(WorkflowUnknown)}),
        ("PUT", "/workflow/{workflow_id}", server.replace_workflow, "putWorkflow", ["workflow"],
         "Update/Replace a workflow script", told(StoredWorkflow, WorkflowUnknown)),
        ("POST", "/workflow/run", server.run_workflow, "runWorkflow", ["workflow", "processing"], "Run a workflow",
         {**run, "responses": errors(*not_run, WorkflowUnknown, ProcessorsMissing)}),
        ("GET", "/workflow/job-simple/{workflow_job_id}", server.get_workflow_info_simple, "getWorkflowJobState",
         ["workflow", "processing"], "Get simplified overall job status", told(RunStateAnswer, RunUnknown)),
        ("GET", "/workflow/job/{workflow_job_id}", server.get_workflow_info, "getWorkflowJob",
         ["workflow", "processing"], "Get information about a workflow run", told(RunInfo, RunUnknown)),
    ):  # fmt: skip
        router.add_api_route(
            path, endpoint, methods=[method], operation_id=operation, tags=list(tags), summary=summary, **more
        )
    return router


def told(model: type[BaseModel], *kinds: type[OffizinError], status: int = 200) -> dict[str, Any]:
    return {"responses": {status: {"model": model}, **errors(*kinds)}}


NOTHING_TOLD: dict[str, Any] = {"responses": {200: {"content": {"application/json": {"schema": {"type": "null"}}}}}}
