"""From POST /processor/run to a submission, and back to what the reference answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from offizin.api import request_checks
from offizin.api.reference_models import JobInput, PYJobInput, PYJobOutput
from offizin.errors import InvalidRequest, NotFound, ProcessorsMissing, ProcessorUnknown
from offizin.jobs import RunKind, State
from offizin.logs import job_log
from offizin.offizin import Offizin
from offizin.scheduling.submission import Submission
from offizin.store import jobs
from offizin.store.jobs import JobRow
from offizin.store.transaction import Transaction
from offizin.workflows import Step, Workflow
from offizin.workflows.policies import NOTHING_SAID


class Task(Protocol):
    """As ``ProcessorTask`` of the reference (ocrd/task_sequence.py)."""

    executable: str
    input_file_grps: Sequence[str]
    output_file_grps: Sequence[str]
    parameters: Mapping[str, Any]


async def submit_job(offizin: Offizin, processor_name: str, data: PYJobInput) -> PYJobOutput:
    """As what was written: a job that waits. ``data`` gets the processor's name and the new id, as in the reference.

    Raises the errors under InvalidRequest and NotFound.
    """
    data.processor_name = processor_name
    mets = await _mets(offizin, data)
    submitted = await offizin.submissions.submit(_submission(offizin, processor_name, data, mets))
    [(_, data.job_id)] = submitted.jobs
    output = PYJobOutput(
        job_id=data.job_id,
        processor_name=processor_name,
        state=State.CACHED,
        path_to_mets=data.path_to_mets,
        input_file_grps=data.input_file_grps,
        output_file_grps=data.output_file_grps or [],
        log_file_path=job_log(offizin.home.path, submitted.run_id, data.job_id),
    )
    if data.page_id:
        output.page_id = data.page_id
    if data.workspace_id:
        output.workspace_id, output.path_to_mets = data.workspace_id, str(mets)
    return output


async def look_again(offizin: Offizin, job_id: str) -> None:
    """Have the dispatcher look at the job's processor, in case it did not see that the job is ready. Raises
    NotFound, OwnedElsewhere."""

    def find(tx: Transaction) -> dict[str, JobRow]:
        offizin.ownership.check_job(tx, job_id)
        return jobs.rows_by_id(tx, [job_id])

    rows = await offizin.database.read(find)
    if job_id not in rows:
        raise NotFound(f"there is no job {job_id}", advice="GET /processor/jobs lists them.")
    offizin.dispatcher.wake({rows[job_id].processor})


async def submit_tasks(
    tasks: Sequence[Task],
    mets_path: str,
    page_id: str | None,
    submit: Callable[[str, JobInput], Awaitable[PYJobOutput]],
) -> list[PYJobOutput]:
    """One job for each task, which depends on those that make what it reads."""
    makers: dict[str, str] = {}
    answers = []
    for task in tasks:
        data = JobInput(
            path_to_mets=mets_path,
            input_file_grps=list(task.input_file_grps),
            output_file_grps=list(task.output_file_grps),
            page_id=page_id,
            parameters=dict(task.parameters),
            depends_on=[makers[group] for group in task.input_file_grps if group in makers],
        )
        answer = await submit(task.executable, data)
        makers.update(dict.fromkeys(task.output_file_grps, answer.job_id))
        answers.append(answer)
    return answers


def check_processors_exist(offizin: Offizin, names: Iterable[str]) -> None:
    """Raises ProcessorsMissing, which names all that are missing."""
    missing: dict[str, ProcessorUnknown] = {}
    for name in names:
        try:
            offizin.processors.require(name)
        except ProcessorUnknown as error:
            missing[name] = error
    if missing:
        raise ProcessorsMissing(
            "; ".join(error.message for error in missing.values()), advice=next(iter(missing.values())).advice
        )


async def _mets(offizin: Offizin, data: PYJobInput) -> Path:
    """Raises InvalidRequest, WorkspaceUnknown, WorkspaceDeleted."""
    if bool(data.path_to_mets) == bool(data.workspace_id):
        raise InvalidRequest(
            "either path_to_mets or workspace_id must be given; " + ("both are" if data.path_to_mets else "neither is"),
            advice="Give the path of a mets.xml on the server as path_to_mets, or an id that GET /workspace lists.",
        )
    if data.workspace_id:
        return Path((await offizin.workspaces.find(data.workspace_id)).mets)
    assert data.path_to_mets
    return request_checks.mets_path(data.path_to_mets)


def _submission(offizin: Offizin, processor_name: str, data: PYJobInput, mets: Path) -> Submission:
    if data.job_id:
        raise InvalidRequest(
            f"job_id is set in the request: {data.job_id}", advice="Leave it out: the server gives jobs their ids."
        )
    if len(data.depends_on or ()) > jobs.CHUNK:
        raise InvalidRequest("depends_on names too many jobs", advice=f"Name at most {jobs.CHUNK}.")
    step = Step(
        line=1,
        processor=processor_name,
        input_file_grps=tuple(data.input_file_grps),
        output_file_grps=tuple(data.output_file_grps or ()),
        parameters_json=request_checks.parameters(data.parameters),
    )
    return Submission(
        mets=mets,
        workflow=Workflow((step,), step.to_line()),
        pages=data.page_id,
        kind=RunKind.JOB,
        depends_on=tuple(data.depends_on or ()),
        description=data.description or "",
        callback_url=request_checks.callback_url(data.callback_url, offizin.addressees),
        priority=data.priority if isinstance(data, JobInput) else 0,
        overwrite=data.overwrite if isinstance(data, JobInput) else False,
        policies=data.policies() if isinstance(data, JobInput) else NOTHING_SAID,
    )
