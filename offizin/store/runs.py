"""Runs and their steps."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, func, insert, select, text, update

from offizin.jobs import RunKind, State
from offizin.store import alternatives
from offizin.store.alternatives import AlternativeRow
from offizin.store.prepared import Prepared, among, numbers
from offizin.store.tables import jobs, runs, steps, workspaces
from offizin.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step of a run. ``parameters`` and ``policies`` are JSON objects' texts."""

    number: int
    processor: str
    parameters: str
    input_file_grps: tuple[str, ...]
    output_file_grps: tuple[str, ...]
    policies: str = "{}"


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run, with the path of its METS. Times in seconds since the epoch."""

    seq: int
    id: str
    kind: RunKind
    workspace: int
    mets: str
    workflow: str
    page_selector: str
    page_wise: bool
    overwrite: bool
    priority: int
    state: State
    open_jobs: int
    all_jobs: int
    skipped_jobs: int
    revivals: int
    submitted_at: float
    ended_at: float | None
    message: str
    description: str
    callback_url: str | None
    kept_jobs: int = 0
    finish: str = "[]"
    undone_at: float | None = None
    workspace_id: str = ""
    managed: bool = False  # clients know it by its id then


@dataclass(frozen=True, slots=True)
class NewRun:
    id: str
    kind: RunKind
    workspace: int
    workflow: str
    page_selector: str
    page_wise: bool
    overwrite: bool
    priority: int
    jobs: int
    skipped_jobs: int
    submitted_at: float
    description: str
    callback_url: str | None
    steps: Sequence[StepRow]
    alternatives: Sequence[AlternativeRow] = ()
    kept_jobs: int = 0
    finish: str = "[]"


_columns = [
    runs.c.seq, runs.c.id, runs.c.kind, runs.c.workspace, workspaces.c.mets, runs.c.workflow, runs.c.page_selector,
    runs.c.page_wise, runs.c.overwrite, runs.c.priority, runs.c.state, runs.c.open_jobs, runs.c.all_jobs,
    runs.c.skipped_jobs, runs.c.revivals, runs.c.submitted_at, runs.c.ended_at, runs.c.message, runs.c.description,
    runs.c.callback_url, runs.c.kept_jobs, runs.c.finish, runs.c.undone_at, workspaces.c.id, workspaces.c.managed,
]  # fmt: skip
_select = select(*_columns).join(workspaces, workspaces.c.seq == runs.c.workspace)
_by_seq = Prepared(_select.where(runs.c.seq == bindparam("run")))
_add = Prepared(
    insert(runs)
    .values(
        {
            name: bindparam(name)
            for name in (
                "id", "kind", "workspace", "workflow", "page_selector", "page_wise", "overwrite", "priority", "state",
                "open_jobs", "all_jobs", "skipped_jobs", "submitted_at", "description", "callback_url",
                "kept_jobs",
                "finish",
            )
        }
    )
    .returning(runs.c.seq)
)  # fmt: skip
_add_step = Prepared(
    insert(steps).values(
        {
            name: bindparam(name)
            for name in (
                "run",
                "number",
                "processor",
                "parameters",
                "input_file_grps",
                "output_file_grps",
                "policies",
            )
        }
    )
)
_steps_of = Prepared(select(steps).where(steps.c.run == bindparam("of")).order_by(steps.c.run, steps.c.number))
_live_steps = Prepared(
    select(steps)
    .join(runs, runs.c.seq == steps.c.run)
    .where(runs.c.workspace == bindparam("of"), runs.c.ended_at.is_(None))
    .order_by(steps.c.run, steps.c.number)
)
_end = Prepared(
    update(runs)
    .where(runs.c.seq == bindparam("run"))
    .values(state=bindparam("to"), ended_at=bindparam("at"), message=bindparam("text"))
)
_counts = Prepared(
    select(jobs.c.step, jobs.c.state, func.count())
    .where(jobs.c.run == bindparam("of"))
    .group_by(jobs.c.step, jobs.c.state)
)
_over = Prepared(select(runs.c.seq).where(among(runs.c.seq, "seqs"), text("open_jobs = 0")))
_count_off = update(runs).where(runs.c.seq == bindparam("of")).values(open_jobs=runs.c.open_jobs - bindparam("ended"))
_count_off_many = Prepared(_count_off)
_count_off_one = Prepared(_count_off.returning(runs.c.open_jobs))


def _run(row: Sequence[Any]) -> RunRow:
    seq, run_id, kind, workspace, mets, workflow, selector, page_wise, overwrite, priority, state, *rest = row
    return RunRow(
        seq, run_id, RunKind(kind), workspace, mets, workflow, selector, bool(page_wise), bool(overwrite), priority,
        State(state), *rest,
    )  # fmt: skip


def _step(row: Sequence[Any]) -> StepRow:
    _, number, processor, parameters, inputs, outputs, policies = row
    return StepRow(number, processor, parameters, tuple(json.loads(inputs)), tuple(json.loads(outputs)), policies)


def add(tx: Transaction, run: NewRun) -> int:
    """Write the run, its steps and their alternatives; the run's number."""
    values = {
        "id": run.id, "kind": run.kind.value, "workspace": run.workspace, "workflow": run.workflow,
        "page_selector": run.page_selector, "page_wise": run.page_wise, "overwrite": run.overwrite,
        "priority": run.priority, "state": State.RUNNING.value, "open_jobs": run.jobs, "all_jobs": run.jobs,
        "skipped_jobs": run.skipped_jobs, "submitted_at": run.submitted_at, "description": run.description,
        "callback_url": run.callback_url, "kept_jobs": run.kept_jobs, "finish": run.finish,
    }  # fmt: skip
    seq = int(_add.rows(tx, values)[0][0])
    _add_step.run_many(
        tx,
        [
            {
                "run": seq,
                "number": step.number,
                "processor": step.processor,
                "parameters": step.parameters,
                "input_file_grps": json.dumps(step.input_file_grps),
                "output_file_grps": json.dumps(step.output_file_grps),
                "policies": step.policies,
            }
            for step in run.steps
        ],
    )
    alternatives.add(tx, seq, run.alternatives)
    return seq


def by_id(tx: Transaction, run_id: str) -> RunRow | None:
    row = tx.execute(_select.where(runs.c.id == run_id)).one_or_none()
    return None if row is None else _run(tuple(row))


def by_seq(tx: Transaction, run: int) -> RunRow:
    return _run(_by_seq.rows(tx, {"run": run})[0])


def ids(tx: Transaction, seqs: Collection[int]) -> dict[int, str]:
    if not seqs:
        return {}
    return {seq: run_id for seq, run_id in tx.execute(select(runs.c.seq, runs.c.id).where(runs.c.seq.in_(list(seqs))))}


def steps_of(tx: Transaction, run: int) -> list[StepRow]:
    return [_step(row) for row in _steps_of.rows(tx, {"of": run})]


def live_steps(tx: Transaction, workspace: int) -> list[tuple[int, StepRow]]:
    """(run, step) of all runs on this workspace that have not ended."""
    rows = _live_steps.rows(tx, {"of": workspace})
    return [(row[0], _step(row)) for row in rows]


def live_of(tx: Transaction, of: Collection[int]) -> list[tuple[int, int]]:
    """``(run, priority)`` of all runs on these workspaces that have not ended."""
    query = select(runs.c.seq, runs.c.priority).where(runs.c.workspace.in_(list(of)), runs.c.ended_at.is_(None))
    return [(seq, priority) for seq, priority in tx.execute(query.order_by(runs.c.seq))]


def listed(
    tx: Transaction,
    *,
    kind: RunKind | None = None,
    state: State | None = None,
    mets: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[RunRow]:
    """Newest first; ``before`` is the ``seq`` of the last run of the page before."""
    query = _select.order_by(runs.c.seq.desc()).limit(limit)
    if kind is not None:
        query = query.where(runs.c.kind == kind)
    if state is not None:
        query = query.where(runs.c.state == state)
    if mets is not None:
        query = query.where(workspaces.c.mets == mets)
    if before is not None:
        query = query.where(runs.c.seq < before)
    return [_run(tuple(row)) for row in tx.execute(query)]


def jobs_ended(tx: Transaction, ended: Iterable[tuple[int, int]]) -> list[int]:
    """Count ``(run, how many of its jobs ended)`` off; the runs in which now nothing is open."""
    counted = list(ended)
    if not counted:
        return []
    values = [{"of": run, "ended": count} for run, count in counted]
    if len(values) == 1:  # as nearly always: one statement less
        left = _count_off_one.rows(tx, values[0])
        return [counted[0][0]] if left and left[0][0] == 0 else []
    _count_off_many.run_many(tx, values)
    return [row[0] for row in _over.rows(tx, {"seqs": numbers(tx, [run for run, _ in counted])})]


def finished_but_not_ended(tx: Transaction, server: int = 1) -> list[int]:
    """This server's runs without an open job whose end has not been written: their METS waits to be saved."""
    query = select(runs.c.seq).join(workspaces, workspaces.c.seq == runs.c.workspace)
    query = query.where(runs.c.ended_at.is_(None), runs.c.open_jobs == 0, workspaces.c.owner == server)
    return list(tx.execute(query).scalars())


def end(tx: Transaction, run: int, state: State, message: str, now: float) -> None:
    _end.run(tx, {"run": run, "to": state.value, "at": now, "text": message})


def undone(tx: Transaction, run: int, now: float) -> None:
    tx.execute(update(runs).where(runs.c.seq == run).values(undone_at=now))


def later_inputs(tx: Transaction, workspace: int, run: int) -> list[tuple[str, tuple[str, ...]]]:
    """``(run id, file groups that a step of it has read)`` of later runs on the workspace that did anything and are not
    undone."""
    query = (
        select(runs.c.id, steps.c.input_file_grps)
        .join(steps, steps.c.run == runs.c.seq)
        .where(runs.c.workspace == workspace, runs.c.seq > run, runs.c.all_jobs > 0, runs.c.undone_at.is_(None))
        .order_by(runs.c.seq, steps.c.number)
    )
    return [(run_id, tuple(json.loads(inputs))) for run_id, inputs in tx.execute(query)]


def dropped_of_others(tx: Transaction, run: RunRow) -> list[str]:
    """File groups that the run has taken out at its end, and not made, or not alone."""
    if run.state is not State.SUCCESS:
        return []
    own = {group for step in steps_of(tx, run.seq) for group in step.output_file_grps}
    named = [group for line in json.loads(run.finish) if line["action"] == "drop" for group in line["groups"]]
    if run.skipped_jobs and json.loads(run.finish):
        return sorted({*own, *named})
    return sorted(set(named) - own)


def revive(tx: Transaction, run: int, open_jobs: int) -> None:
    tx.execute(
        update(runs)
        .where(runs.c.seq == run)
        .values(
            state=State.RUNNING,
            ended_at=None,
            message="",
            open_jobs=runs.c.open_jobs + open_jobs,
            revivals=runs.c.revivals + 1,
        )
    )


def counts(tx: Transaction, run: int) -> dict[tuple[int, State], int]:
    """How many jobs of the run are in which state, by (step, state)."""
    rows: list[Any] = list(_counts.rows(tx, {"of": run}))
    return {(row[0], State(row[1])): row[2] for row in rows}


def seconds(tx: Transaction, run: int) -> dict[int, float]:
    """How long the jobs of each step took, all together."""
    query = select(jobs.c.step, func.sum(jobs.c.seconds)).where(jobs.c.run == run).group_by(jobs.c.step)
    return {step: taken or 0.0 for step, taken in tx.execute(query)}


def how_many_live(tx: Transaction) -> int:
    return int(tx.execute(select(func.count()).select_from(runs).where(runs.c.ended_at.is_(None))).scalar_one())
