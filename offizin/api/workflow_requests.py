"""Workflows: stored scripts, and from POST /workflow/run to a submission."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fastapi import UploadFile
from fastapi.exceptions import RequestValidationError

from offizin.api import request_checks
from offizin.api.reference_models import PYWorkflowJobOutput
from offizin.errors import InvalidRequest, WorkflowExists, WorkflowUnknown
from offizin.offizin import Offizin
from offizin.scheduling.submission import Submission
from offizin.store import workflows
from offizin.store.transaction import Transaction
from offizin.workflows import Policies, parse_workflow


async def store_workflow(offizin: Offizin, workflow: UploadFile | str) -> str:
    """The new id. Raises WorkflowInvalid, WorkflowExists."""
    text = await request_checks.workflow_text(workflow)
    parse_workflow(text)
    new_id, digest, now = offizin.clock.new_id(), _digest(text), offizin.clock.now()

    def write(tx: Transaction) -> str | None:
        found = workflows.with_digest(tx, digest)
        if found is None:
            workflows.add(tx, new_id, text, digest, now)
        return found

    found = await offizin.database.write(write, synced=True)
    if found is not None:
        raise WorkflowExists(
            f"the same workflow script already exists, workflow id: {found}", advice=f"Use it as workflow_id={found}."
        )
    return new_id


async def replace_workflow(offizin: Offizin, workflow_id: str, workflow: UploadFile | str) -> None:
    """Raises WorkflowUnknown, WorkflowInvalid."""
    await stored_workflow(offizin, workflow_id)
    text = await request_checks.workflow_text(workflow)
    parse_workflow(text)
    digest, now = _digest(text), offizin.clock.now()
    await offizin.database.write(lambda tx: workflows.replace(tx, workflow_id, text, digest, now), synced=True)


async def stored_workflow(offizin: Offizin, workflow_id: str) -> str:
    """Its text. Raises WorkflowUnknown."""
    text = await offizin.database.read(lambda tx: workflows.content(tx, workflow_id))
    if text is None:
        raise WorkflowUnknown(
            f"there is no workflow script {workflow_id}", advice="POST /workflow stores one and tells its id."
        )
    return text


async def submit_workflow(
    offizin: Offizin,
    mets_path: str | None,
    workspace_id: str | None,
    workflow: UploadFile | str | None,
    workflow_id: str | None,
    page_id: str | None,
    page_wise: bool,
    workflow_callback_url: str | None,
    *,
    priority: int,
    overwrite: bool,
    policies: Policies,
    description: str,
) -> PYWorkflowJobOutput:
    """Raises the errors under InvalidRequest and NotFound."""
    if workflow_id:
        text = await stored_workflow(offizin, workflow_id)
    elif workflow:
        text = await request_checks.workflow_text(workflow)
    else:
        raise InvalidRequest(
            "there is no workflow: neither 'workflow' nor 'workflow_id' is given",
            advice="Send the workflow as a file or text in the form field 'workflow', or name a stored one.",
        )
    mets = await _mets(offizin, mets_path, workspace_id)
    submitted = await offizin.submissions.submit(
        Submission(
            mets=mets,
            workflow=parse_workflow(text),
            pages=page_id,
            page_wise=page_wise,
            overwrite=overwrite,
            policies=policies,
            priority=priority,
            description=description,
            callback_url=request_checks.callback_url(workflow_callback_url, offizin.addressees),
        )
    )
    job_ids: dict[str, list[str]] = {page: [] for page in submitted.pages} if page_wise else {page_id or "": []}
    for page, job_id in submitted.jobs:
        job_ids[page or page_id or ""].append(job_id)
    output = PYWorkflowJobOutput(
        job_id=submitted.run_id,
        page_id=page_id or "",
        page_wise=page_wise,
        processing_job_ids=job_ids,
        path_to_mets=mets_path or str(mets),
    )
    if workspace_id:
        output.workspace_id = workspace_id
    if description:
        output.description = description
    return output


async def _mets(offizin: Offizin, mets_path: str | None, workspace_id: str | None) -> Path:
    """Raises InvalidRequest, WorkspaceUnknown, WorkspaceDeleted."""
    if mets_path is None and not workspace_id:
        missing = {"type": "missing", "loc": ("query", "mets_path"), "msg": "Field required"}
        raise RequestValidationError([missing])
    if mets_path is not None and workspace_id:
        raise InvalidRequest("both mets_path and workspace_id are given", advice="Name the workspace in one way.")
    if workspace_id:
        return Path((await offizin.workspaces.find(workspace_id)).mets)
    assert mets_path is not None
    return request_checks.mets_path(mets_path)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
