"""The reference's routes, each with a bound method of the server as its endpoint.

Source: ocrd_network/processing_server.py of `ocrd` 3.13.3.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from fastapi import APIRouter

from offizin.api.reference_models import PYJobOutput, PYWorkflowJobOutput

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
    """The bound methods are looked up here, so those of a subclass are the endpoints."""
    router = APIRouter()
    bare: dict[str, Any] = {"response_model_exclude_unset": True, "response_model_exclude_none": True}
    job: dict[str, Any] = {"response_model": PYJobOutput, **bare}
    run: dict[str, Any] = {"response_model": PYWorkflowJobOutput, "response_model_exclude_defaults": True, **bare}
    for method, path, endpoint, tags, summary, more in (
        ("GET", "/", server.home_page, [], "Get information about the processing server", {}),
        ("POST", "/stop", server.stop_deployed_agents, ["tools"], "Stop the server and what it started", {}),
        ("POST", "/tcp_mets", server.forward_tcp_request_to_uds_mets_server, ["workspace"],
         "Forward a TCP request to a METS server", {}),
        ("DELETE", "/kill_mets_server_zombies", server.kill_mets_server_zombies, ["workflow", "processing"],
         "End METS servers that were left behind", {}),
        ("GET", "/processor", server.list_processors, ["processing", "discovery"],
         "Get a list of all available processors", {}),
        ("GET", "/processor/info/{processor_name}", server.get_worker_ocrd_tool, ["processing", "discovery"],
         "Get information about this processor", {}),
        ("POST", "/processor/run/{processor_name}", server.validate_and_forward_job_to_worker, ["processing"],
         "Submit a job to this processor", job),
        ("GET", "/processor/job/{job_id}", server.get_processor_job, ["processing"],
         "Get information about a job based on its ID", job),
        ("GET", "/processor/log/{job_id}", server.get_processor_job_log, ["processing"],
         "Get the log file of a job id", {}),
        ("POST", "/result_callback", server.remove_job_from_request_cache, ["processing"],
         "Callback used by a worker for reporting result of a processing request", {}),
        ("POST", "/workflow", server.upload_workflow, ["workflow"],
         "Upload/Register a new workflow script", {"status_code": 201}),
        ("GET", "/workflow/{workflow_id}", server.download_workflow, ["workflow"], "Download a workflow script", {}),
        ("PUT", "/workflow/{workflow_id}", server.replace_workflow, ["workflow"],
         "Update/Replace a workflow script", {}),
        ("POST", "/workflow/run", server.run_workflow, ["workflow", "processing"], "Run a workflow", run),
        ("GET", "/workflow/job-simple/{workflow_job_id}", server.get_workflow_info_simple, ["workflow", "processing"],
         "Get simplified overall job status", {}),
        ("GET", "/workflow/job/{workflow_job_id}", server.get_workflow_info, ["workflow", "processing"],
         "Get information about a workflow run", {}),
    ):  # fmt: skip
        router.add_api_route(path, endpoint, methods=[method], tags=list(tags), summary=summary, **more)
    return router
