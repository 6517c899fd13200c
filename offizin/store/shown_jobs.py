"""Jobs as they are shown: with their run, step and workspace. Nothing here is on the hot path."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.sql.elements import ColumnElement

from offizin.jobs import RunKind, State
from offizin.store.tables import alternatives, jobs, runs, steps, workspaces
from offizin.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class ShownJob:
    """A job as it is shown, with its run, step and workspace. ``parameters`` are those of the way it is done."""

    seq: int
    id: str
    run_id: str
    kind: RunKind
    run_ended: bool
    mets: str
    workspace_id: str
    managed: bool
    step: int
    page: str | None
    pages: int
    page_selector: str
    processor: str
    parameters: str
    input_file_grps: str
    output_file_grps: str
    state: State
    mark: str
    attempt: int
    cancelling: bool
    cause: str | None
    message: str
    submitted_at: float
    queued_at: float | None
    started_at: float | None
    ended_at: float | None
    seconds: float | None


def shown(
    tx: Transaction,
    *,
    ids: Collection[str] | None = None,
    run: int | None = None,
    states: Collection[State] | None = None,
    processor: str | None = None,
    after: int | None = None,
    limit: int | None = None,
) -> list[ShownJob]:
    """Jobs as they are shown, by number; ``after`` is the ``seq`` of the last one of the page before."""
    query = (
        select(
            jobs.c.seq, jobs.c.id, runs.c.id.label("run_id"), runs.c.kind,
            runs.c.ended_at.is_not(None).label("run_ended"), workspaces.c.mets,
            workspaces.c.id.label("workspace_id"), workspaces.c.managed, jobs.c.step, jobs.c.page, jobs.c.pages,
            runs.c.page_selector, jobs.c.processor,
            func.coalesce(alternatives.c.parameters, steps.c.parameters).label("parameters"), steps.c.input_file_grps,
            steps.c.output_file_grps, jobs.c.state, jobs.c.mark, jobs.c.attempt, jobs.c.cancelling, jobs.c.cause,
            jobs.c.message, runs.c.submitted_at, jobs.c.queued_at, jobs.c.started_at, jobs.c.ended_at, jobs.c.seconds,
        )
        .join(runs, runs.c.seq == jobs.c.run)
        .join(steps, (steps.c.run == jobs.c.run) & (steps.c.number == jobs.c.step))
        .outerjoin(
            alternatives,
            (alternatives.c.run == jobs.c.run)
            & (alternatives.c.step == jobs.c.step)
            & (alternatives.c.number == jobs.c.alternative),
        )
        .join(workspaces, workspaces.c.seq == runs.c.workspace)
        .order_by(jobs.c.seq)
    )  # fmt: skip
    conditions: list[ColumnElement[bool]] = []
    if ids is not None:
        conditions.append(jobs.c.id.in_(list(ids)))
    if run is not None:
        conditions.append(jobs.c.run == run)
    if states is not None:
        conditions.append(jobs.c.state.in_(list(states)))
    if processor is not None:
        conditions.append(jobs.c.processor == processor)
    if after is not None:
        conditions.append(jobs.c.seq > after)
    found = []
    for row in tx.execute(query.where(*conditions).limit(limit)):
        values = row._asdict()
        values["kind"] = RunKind(values["kind"])
        values["state"] = State(values["state"])
        values["managed"] = bool(values["managed"])
        values["run_ended"] = bool(values["run_ended"])
        found.append(ShownJob(**values))
    return found
