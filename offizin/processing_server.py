"""Class ProcessingServer: the reference's server, with our mechanism behind it. Each method is a delegation."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import uvloop
from fastapi import Depends, FastAPI, File, Query, UploadFile
from fastapi.responses import PlainTextResponse, Response, StreamingResponse

from offizin import __version__
from offizin.access.hosts import Hosts
from offizin.api import (
    job_requests,
    job_routes,
    job_views,
    machine_routes,
    mets_requests,
    mets_routes,
    run_routes,
    run_views,
    token_routes,
    worker_routes,
    workflow_requests,
    workspace_routes,
)
from offizin.api.body_limit import BodyLimit
from offizin.api.connections import Bounds
from offizin.api.current import begin, end, running
from offizin.api.description import describe, operation_id
from offizin.api.door import Door, tell_who_may_ask
from offizin.api.error_answers import Unforeseen, tell_errors
from offizin.api.forwarding import Forwarding
from offizin.api.job_logs import read_log
from offizin.api.job_requests import Task
from offizin.api.mets_requests import MetsRequest
from offizin.api.models import MOST
from offizin.api.open_streams import OpenStreams
from offizin.api.policy_fields import policies_in_query
from offizin.api.reference_models import (
    AgentType,
    JobInput,
    PYJobInput,
    PYJobOutput,
    PYResultMessage,
    PYWorkflowJobOutput,
)
from offizin.api.reference_routes import reference_router
from offizin.api.serving import Serving, bind, url_for_others, url_of
from offizin.api.tls import Tls
from offizin.clock import Clock
from offizin.deployment.zombies import DEFAULT_MINUTES, MOST_MINUTES, end_zombies
from offizin.jobs import State
from offizin.offizin import Offizin
from offizin.scheduling.draining import StopMode
from offizin.settings import Settings
from offizin.workers.process_group import MARK
from offizin.workflows.policies import NOTHING_SAID, Policies


@asynccontextmanager
async def _lifespan(server: ProcessingServer) -> AsyncIterator[None]:
    async with server.running():
        yield


async def _end_with(offizin: Offizin, serving: Serving) -> None:
    await offizin.stopping.wait()
    serving.should_exit = True


class ProcessingServer(FastAPI):
    """Serves the OCR-D Web API: ``ProcessingServer(None, "127.0.0.1", 8000).start()``.

    ``config_path`` names a configuration file, None is embedded with defaults; ``host`` and ``port`` (0: any free one)
    go before what is set there. As an ASGI application it works without ``start``: its lifespan runs Offizin.
    A subclass that overrides a method which is a route overrides the route. Raises SettingsInvalid.
    """

    def __init__(
        self,
        config_path: str | Path | None = None,
        host: str | None = None,
        port: int | None = None,
        *,
        settings: Settings | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(
            title="OCR-D Processing Server", description="Offizin behind the OCR-D Web API", version=__version__,
            lifespan=_lifespan, generate_unique_id_function=operation_id,
        )  # fmt: skip
        if settings is None:
            settings = Settings.load(None if config_path is None else Path(config_path), {}, os.environ)
        self.hostname = settings.host if host is None else host
        self.port = settings.port if port is None else int(port)
        self.settings = replace(settings, host=self.hostname, port=self.port)
        self._clock = clock
        self.hosts = Hosts([self.hostname, *settings.allowed_hosts], settings.allowed_origins)
        # From the inside to the outside.
        self.add_middleware(Forwarding)
        self.add_middleware(BodyLimit)
        self.add_middleware(OpenStreams, most=settings.streams_per_client)
        self.add_middleware(Door, settings=self.settings, hosts=self.hosts)
        self.add_middleware(Unforeseen)
        tell_errors(self)
        ours = (
            machine_routes, worker_routes, run_routes, job_routes, workspace_routes, token_routes, mets_routes,
        )  # fmt: skip
        for router in (*(routes.router for routes in ours), reference_router(self)):
            self.include_router(router)

    def openapi(self) -> dict[str, Any]:
        """What GET /openapi.json answers."""
        if self.openapi_schema is None:
            self.openapi_schema = describe(self)
        return self.openapi_schema

    # Life

    def start(self) -> None:
        """Serve until a signal or POST /stop. Raises Unavailable (port in use), HomeInUse, and TakenOver when another
        server has taken over from this one. Blocking."""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self.serve())

    async def serve(self) -> None:
        """As ``start``, within a running event loop."""
        tls = await asyncio.to_thread(Tls.of_settings, self.settings)
        scheme = "http" if tls is None else "https"
        with bind(self.hostname, self.port) as bound:
            self.port = bound.getsockname()[1]
            async with self.running() as offizin:
                bounds = Bounds(self.settings.connections_per_client, self.settings.client_pause_limit)
                serving = Serving(
                    self,
                    bounds,
                    listening=lambda: self.on_listening(url_of(bound, scheme)),
                    stopping=offizin.stop,
                    tls=tls,
                )
                published = self.settings.reference.internal_callback_url or url_for_others(bound, scheme)
                self.hosts.add_of(published)
                await offizin.listens_at(published, url_of(bound, scheme))
                await tell_who_may_ask(self.settings, offizin.keys.tokens)
                ending = asyncio.create_task(_end_with(offizin, serving))
                try:
                    await serving.serve([bound])
                finally:
                    ending.cancel()
                if offizin.fenced is not None:
                    raise offizin.fenced

    def on_listening(self, url: str) -> None:
        """Requests are taken now: commands on this machine find the server at ``url``."""
        offizin = self.offizin
        offizin.home.publish_address(url, offizin.keys.local_token, self.settings.tls_certificate)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Offizin]:
        """The lifespan: Offizin runs within it."""
        offizin = Offizin(self.settings, self._clock)
        async with offizin:
            begin(self, offizin)
            try:
                await offizin.start_workers(self.hostname, self.port)
                yield offizin
            finally:
                await self.on_shutdown()
                end(self)

    async def on_shutdown(self) -> None:
        """No new work begins, streams end; what runs has a grace period then."""
        self.offizin.stop()

    @property
    def offizin(self) -> Offizin:
        """Raises Unavailable while nothing runs."""
        return running(self)

    # Routes of the reference

    async def home_page(self) -> dict[str, str]:
        now = datetime.fromtimestamp(self.offizin.clock.now(), UTC).astimezone()
        return {"message": f"The home page of the {self.title}", "time": now.strftime("%Y-%m-%d %H:%M")}

    async def stop_deployed_agents(self, mode: StopMode = StopMode.STOP) -> None:
        """End the server, and with it all it started, once this is answered; or first finish what runs (`drain`), or
        leave what it started elsewhere (`leave`)."""
        self.offizin.end(mode)

    async def forward_tcp_request_to_uds_mets_server(self, request: MetsRequest) -> Response:
        return await mets_requests.forward(self.offizin.mets_servers, request)

    async def kill_mets_server_zombies(
        self, minutes_ago: Annotated[int | None, Query(ge=0, le=MOST_MINUTES)] = None, dry_run: bool | None = None
    ) -> list[int]:
        minutes = DEFAULT_MINUTES if minutes_ago is None else minutes_ago
        return await asyncio.to_thread(end_zombies, minutes, dry_run=bool(dry_run), mark=MARK)

    async def list_processors(self) -> list[str]:
        return await asyncio.to_thread(self.offizin.processors.names)

    async def get_worker_ocrd_tool(self, processor_name: str) -> dict[str, Any]:
        return dict((await self.offizin.processors.describe(processor_name)).tool)

    async def validate_and_forward_job_to_worker(self, processor_name: str, data: JobInput) -> PYJobOutput:
        return await job_requests.submit_job(self.offizin, processor_name, data)

    async def get_processor_job(self, job_id: str) -> PYJobOutput:
        return await job_views.job_output(self.offizin, job_id)

    async def get_processor_job_log(
        self, job_id: str, follow: bool = False, offset: Annotated[int, Query(ge=0, le=MOST)] = 0
    ) -> Response:
        log = await read_log(self.offizin, job_id, follow=follow, offset=offset)
        return StreamingResponse(log, media_type="text/plain; charset=utf-8")

    async def remove_job_from_request_cache(self, result_message: PYResultMessage) -> None:
        """Results come another way here: nothing is believed, but the job's processor is looked at again."""
        if result_message.workspace_id:
            await self.offizin.workspaces.find(result_message.workspace_id)
        await job_requests.look_again(self.offizin, result_message.job_id)

    async def upload_workflow(self, workflow: UploadFile | str = File()) -> dict[str, str]:
        return {"workflow_id": await workflow_requests.store_workflow(self.offizin, workflow)}

    async def download_workflow(self, workflow_id: str) -> PlainTextResponse:
        return PlainTextResponse(await workflow_requests.stored_workflow(self.offizin, workflow_id))

    async def replace_workflow(self, workflow_id: str, workflow: UploadFile | str = File()) -> dict[str, str]:
        await workflow_requests.replace_workflow(self.offizin, workflow_id, workflow)
        return {"workflow_id": workflow_id}

    async def run_workflow(
        self,
        mets_path: str | None = None,
        workflow: UploadFile | str | None = File(None),
        workflow_id: str | None = None,
        page_id: str | None = None,
        page_wise: bool = False,
        workflow_callback_url: str | None = None,
        workspace_id: str | None = None,
        agent_type: AgentType = AgentType.WORKER,
        priority: int = 0,
        overwrite: bool = False,
        fresh: bool = False,
        description: str = "",
        policies: Annotated[Policies, Depends(policies_in_query)] = NOTHING_SAID,
    ) -> PYWorkflowJobOutput:
        return await workflow_requests.submit_workflow(
            self.offizin, mets_path, workspace_id, workflow, workflow_id, page_id, page_wise, workflow_callback_url,
            priority=priority, overwrite=overwrite or fresh, policies=policies, description=description,
        )  # fmt: skip

    async def get_workflow_info(self, workflow_job_id: str) -> dict[str, Any]:
        return await run_views.run_info(self.offizin, workflow_job_id)

    async def get_workflow_info_simple(self, workflow_job_id: str) -> dict[str, State]:
        return {"state": await run_views.run_state(self.offizin, workflow_job_id)}

    # Methods of the reference that are no routes: a cached job is a row that waits

    async def push_job_to_worker(self, data: PYJobInput, db_job: PYJobOutput) -> PYJobOutput:
        return await self.push_job_to_processing_queue(db_job=db_job)

    async def push_job_to_processing_queue(self, db_job: PYJobOutput) -> PYJobOutput:
        await job_requests.look_again(self.offizin, db_job.job_id)
        return await self.get_processor_job(db_job.job_id)

    async def push_cached_jobs_to_workers(self, processing_jobs: Sequence[PYJobInput]) -> None:
        for data in processing_jobs:
            await job_requests.look_again(self.offizin, data.job_id or "")

    async def task_sequence_to_processing_jobs(
        self, tasks: Sequence[Task], mets_path: str, page_id: str | None
    ) -> list[PYJobOutput]:
        submit = self.validate_and_forward_job_to_worker
        return await job_requests.submit_tasks(tasks, mets_path, page_id, submit)

    def validate_tasks_worker_existence(self, tasks: Sequence[Task]) -> None:
        job_requests.check_processors_exist(self.offizin, [task.executable for task in tasks])
