"""The bodies of the reference's routes: same fields, same defaults (ocrd_network/models of `ocrd` 3.13.3).

What is unset or None is left out of answers, as there.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from offizin.api.policy_fields import PolicyFields
from offizin.jobs import State


class PYJobInput(BaseModel):
    """What POST /processor/run takes."""

    processor_name: str | None = None
    path_to_mets: str | None = None
    workspace_id: str | None = None
    description: str | None = None
    input_file_grps: list[str]
    output_file_grps: list[str] | None = None
    page_id: str | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    result_queue_name: str | None = None
    callback_url: str | None = None
    job_id: str | None = None
    depends_on: list[str] | None = None

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "path_to_mets": "/path/to/mets.xml",
                "description": "The description of this execution",
                "input_file_grps": ["DEFAULT"],
                "output_file_grps": ["OCR-D-BIN"],
                "page_id": "PHYS_0001..PHYS_0003",
                "parameters": {},
            }
        }
    )


class AgentType(StrEnum):
    """Who is to do a job, in the words of the specification (3.28). Workers do all of them, as in the reference."""

    WORKER = "worker"
    SERVER = "server"


class JobInput(PYJobInput, PolicyFields):
    """With what is ours: jobs of higher ``priority`` go first; ``overwrite`` replaces files that are there, as
    ``on_existing_output`` overwrite does; and the other policies."""

    agent_type: AgentType = AgentType.WORKER
    priority: StrictInt = 0
    overwrite: StrictBool = False


class PYJobOutput(BaseModel):
    """One job as the reference shows it."""

    job_id: str
    processor_name: str
    state: State = State.UNSET
    path_to_mets: str | None = None
    workspace_id: str | None = None
    input_file_grps: list[str]
    output_file_grps: list[str] | None = None
    page_id: str | None = None
    log_file_path: str | None = None


class PYResultMessage(BaseModel):
    """What is POSTed to callback URLs, and what POST /result_callback takes."""

    job_id: str
    state: State = State.UNSET
    path_to_mets: str | None = None
    workspace_id: str | None = None

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "job_id": "d8e36726-ed28-5476-b83c-bc31d2eecf1f",
                "state": "SUCCESS",
                "path_to_mets": "/path/to/mets.xml",
                "workspace_id": "c7f25615-fc17-4365-a74d-ad20e1ddbd0e",
            }
        }
    )


class PYWorkflowJobOutput(BaseModel):
    """One workflow run. ``processing_job_ids``: for each page (or page selector) the ids of its jobs, in the order of
    the steps."""

    processing_job_ids: dict[str, list[str]]
    page_id: str
    page_wise: bool = False
    job_id: str
    path_to_mets: str | None = None
    workspace_id: str | None = None
    description: str | None = None


class HomePage(BaseModel):
    message: str
    time: str


class OcrdTool(BaseModel):
    """The processor's part of its ocrd-tool.json, with all that stands there (https://ocr-d.de/en/spec/ocrd_tool)."""

    executable: str = ""
    description: str = ""
    categories: list[str] = []
    steps: list[str] = []
    parameters: dict[str, Any] = {}

    model_config = ConfigDict(extra="allow")


class StoredWorkflow(BaseModel):
    workflow_id: str


class RunStateAnswer(BaseModel):
    state: Literal["CACHED", "QUEUED", "RUNNING", "SUCCESS", "FAILED"]


class FailedTask(BaseModel):
    """``page_id`` is the selector of a job of many pages."""

    job_id: str
    page_id: str


class RunInfo(BaseModel):
    """For each processor how many of its jobs are in which state, and the jobs that failed."""

    failed: dict[str, list[FailedTask]] = Field(default={}, alias="failed-processor-tasks")

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, dict[State, int]]
