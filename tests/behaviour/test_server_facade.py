"""The class ProcessingServer beside the reference's: same methods, same models, callable with the same meaning."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from ocrd.task_sequence import ProcessorTask
from ocrd_network import models as their_models
from ocrd_network.processing_server import ProcessingServer as TheirServer

from offizin.api import reference_models
from offizin.api.reference_models import JobInput, PYJobInput, PYJobOutput, PYResultMessage
from offizin.errors import NotFound, ProcessorsMissing
from offizin.jobs import State
from offizin.processing_server import ProcessingServer
from offizin.settings import Settings

METHODS = [
    "start", "on_shutdown", "home_page", "stop_deployed_agents", "forward_tcp_request_to_uds_mets_server",
    "kill_mets_server_zombies", "list_processors", "get_worker_ocrd_tool", "validate_and_forward_job_to_worker",
    "push_job_to_worker", "push_job_to_processing_queue", "get_processor_job", "get_processor_job_log",
    "push_cached_jobs_to_workers", "remove_job_from_request_cache", "task_sequence_to_processing_jobs",
    "validate_tasks_worker_existence", "run_workflow", "get_workflow_info", "get_workflow_info_simple",
    "upload_workflow", "download_workflow", "replace_workflow",
]  # fmt: skip


@pytest.mark.parametrize("name", METHODS)
def test_methods_take_what_the_references_take(name: str) -> None:
    ours, theirs = (getattr(server, name) for server in (ProcessingServer, TheirServer))
    expected = list(inspect.signature(theirs).parameters)
    given = inspect.signature(ours).parameters
    assert list(given)[: len(expected)] == expected
    assert all(given[more].default is not inspect.Parameter.empty for more in list(given)[len(expected) :])
    assert asyncio.iscoroutinefunction(ours) == asyncio.iscoroutinefunction(theirs)


def test_the_constructor_takes_what_the_references_takes() -> None:
    expected = list(inspect.signature(TheirServer.__init__).parameters)
    assert list(inspect.signature(ProcessingServer.__init__).parameters)[: len(expected)] == expected


@pytest.mark.parametrize("name", ["PYJobInput", "PYJobOutput", "PYResultMessage", "PYWorkflowJobOutput"])
def test_models_have_the_fields_of_the_references(name: str) -> None:
    def fields(model: Any) -> dict[str, Any]:
        schema = model.model_json_schema()
        schema.pop("description", None)
        schema.pop("$defs", None)
        found = {key: (field.is_required(), field.get_default(call_default_factory=True))
                 for key, field in model.model_fields.items()}  # fmt: skip
        types = {key: {k: v for k, v in value.items() if k != "default"} for key, value in schema["properties"].items()}
        return {key: (*found[key], _plain(types[key])) for key in found}

    assert fields(getattr(reference_models, name)) == fields(getattr(their_models, name))


def _plain(schema: Any) -> Any:
    """Without names of types, which are ours, and without `additionalProperties: true`, which says nothing."""
    if isinstance(schema, dict):
        said = {key: value for key, value in schema.items() if (key, value) != ("additionalProperties", True)}
        return {key: "" if key == "$ref" else _plain(value) for key, value in said.items()}
    return [_plain(each) for each in schema] if isinstance(schema, list) else schema


class Recording(ProcessingServer):
    """Notes what is submitted."""

    def __init__(self, home: Path) -> None:
        super().__init__(settings=Settings(home=home, slots=2))
        self.submitted: list[PYJobInput] = []

    async def validate_and_forward_job_to_worker(self, processor_name: str, data: JobInput) -> PYJobOutput:
        self.submitted.append(data)
        return await super().validate_and_forward_job_to_worker(processor_name, data)


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[Recording]:
    server = Recording(tmp_path / "home")
    async with server.running():
        yield server


async def test_an_overridden_method_is_the_endpoint_of_its_route(server: Recording, book: Path) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(server), base_url="http://offizin") as client:
        body = {"path_to_mets": str(book), "input_file_grps": ["OCR-D-IMG"], "output_file_grps": ["A"], "priority": 2}
        answer = await client.post("/processor/run/ocrd-dummy", json=body)
    assert answer.status_code == 200
    [data] = server.submitted
    assert (data.processor_name, data.job_id) == ("ocrd-dummy", answer.json()["job_id"])


async def test_a_plain_job_input_is_taken(server: Recording, book: Path) -> None:
    data = PYJobInput(path_to_mets=str(book), input_file_grps=["OCR-D-IMG"], output_file_grps=["A"])
    output = await ProcessingServer.validate_and_forward_job_to_worker(server, "ocrd-dummy", data)  # type: ignore[arg-type]
    assert (await server.get_processor_job(output.job_id)).path_to_mets == str(book)


async def test_tasks_become_jobs_that_depend_on_each_other(server: Recording, book: Path) -> None:
    tasks = [ProcessorTask.parse(text) for text in ("dummy -I OCR-D-IMG -O A", "dummy -I A -O B -P copy_files true")]
    server.validate_tasks_worker_existence(tasks)
    first, second = await server.task_sequence_to_processing_jobs(tasks, str(book), "P1,P3")
    assert [data.depends_on for data in server.submitted] == [[], [first.job_id]]
    assert (second.page_id, second.output_file_grps) == ("P1,P3", ["B"])


async def test_all_processors_that_are_missing_are_named(server: Recording) -> None:
    tasks = [ProcessorTask.parse(text) for text in ("dummy -I A -O B", "absent -I B -O C", "lost -I C -O D")]
    with pytest.raises(ProcessorsMissing, match=r"ocrd-absent.*ocrd-lost"):
        server.validate_tasks_worker_existence(tasks)


async def test_pushing_a_job_again_does_no_harm(server: Recording, book: Path) -> None:
    data = JobInput(path_to_mets=str(book), input_file_grps=["OCR-D-IMG"], output_file_grps=["A"])
    job = await server.validate_and_forward_job_to_worker("ocrd-dummy", data)
    assert (await server.push_job_to_worker(data, job)).job_id == job.job_id
    assert (await server.push_job_to_processing_queue(job)).job_id == job.job_id
    await server.push_cached_jobs_to_workers([data])
    jobs = await server.offizin.database.read(lambda tx: tx.exec_driver_sql("SELECT count(*) FROM jobs").scalar())
    assert jobs == 1


async def test_a_foreign_result_is_not_believed(server: Recording, book: Path) -> None:
    data = JobInput(path_to_mets=str(book), input_file_grps=["OCR-D-IMG"], output_file_grps=["A"])
    job = await server.validate_and_forward_job_to_worker("ocrd-dummy", data)
    await server.remove_job_from_request_cache(PYResultMessage(job_id=job.job_id, state=State.FAILED))
    assert (await server.get_processor_job(job.job_id)).state is not State.FAILED
    with pytest.raises(NotFound):
        await server.remove_job_from_request_cache(PYResultMessage(job_id="unknown", state=State.SUCCESS))
