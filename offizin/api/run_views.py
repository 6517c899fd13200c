"""What is shown of runs. Nothing is written here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from offizin.api.job_views import run_unknown
from offizin.api.models import OtherWay, RunList, RunSummary, StepPause, StepSummary
from offizin.api.page_accounts import account, recognised
from offizin.jobs import State, shown_run_state
from offizin.offizin import Offizin
from offizin.scheduling.run_end import forgiven
from offizin.store import alternatives, held, jobs, page_counts, page_tallies, pieces, runs
from offizin.store.page_tallies import LOST
from offizin.store.pauses import PauseRow
from offizin.store.runs import RunRow, StepRow
from offizin.store.transaction import Transaction
from offizin.upkeep.pauses import Pauses
from offizin.workflows.policies import Policies

# Pages that are named of each other way to do a step.
MOST_NAMED = 100
FAILED_TASKS = "failed-processor-tasks"


async def run_row(offizin: Offizin, run_id: str) -> RunRow:
    """Raises RunUnknown."""
    return await offizin.database.read(lambda tx: _row(tx, run_id))


async def run_state(offizin: Offizin, run_id: str) -> State:
    """The simple state: one of CACHED, QUEUED, RUNNING, SUCCESS, FAILED. Raises RunUnknown."""

    def read(tx: Transaction) -> State:
        run = _row(tx, run_id)
        if run.ended_at is not None:
            return State.SUCCESS if run.state is State.SUCCESS else State.FAILED
        return _state_now(tx, run, runs.steps_of(tx, run.seq), runs.counts(tx, run.seq))

    return await offizin.database.read(read)


async def run_info(offizin: Offizin, run_id: str) -> dict[str, Any]:
    """As the reference: for each processor how many jobs are in which state, and the failed ones. Raises RunUnknown."""

    def read(tx: Transaction) -> dict[str, Any]:
        run = _row(tx, run_id)
        processors = {step.number: step.processor for step in runs.steps_of(tx, run.seq)}
        info: dict[str, Any] = {}
        for (step, state), count in sorted(runs.counts(tx, run.seq).items()):
            counted = info.setdefault(processors[step], {})
            counted[state] = counted.get(state, 0) + count
        failed: dict[str, list[dict[str, str]]] = {}
        for row in jobs.of_run(tx, run.seq, {State.FAILED}):
            page = run.page_selector if row.page is None else row.page
            failed.setdefault(row.processor, []).append({"job_id": row.id, "page_id": page})
        return {**info, FAILED_TASKS: failed} if failed else info

    return await offizin.database.read(read)


async def run_summary(offizin: Offizin, run_id: str) -> RunSummary:
    """Raises RunUnknown."""
    pauses = offizin.pauses
    return await offizin.database.read(lambda tx: _summary(tx, _row(tx, run_id), pauses))


async def list_runs(
    offizin: Offizin, *, state: State | None, mets: str | None, before: int | None, limit: int
) -> RunList:
    """Newest first. ``state``: how they ended; one that is no end stands for all that have not ended."""
    if state is not None and not state.is_final:
        state = State.RUNNING

    pauses = offizin.pauses

    def read(tx: Transaction) -> RunList:
        found = runs.listed(tx, state=state, mets=mets, before=before, limit=limit + 1)
        shown = [_summary(tx, run, pauses) for run in found[:limit]]
        return RunList(runs=shown, next=str(found[limit - 1].seq) if len(found) > limit else None)

    return await offizin.database.read(read)


def _row(tx: Transaction, run_id: str) -> RunRow:
    run = runs.by_id(tx, run_id)
    if run is None:
        raise run_unknown(run_id)
    return run


def _pause(row: PauseRow | None) -> StepPause | None:
    return None if row is None else StepPause(name=row.name, since=row.since, cause=row.cause, message=row.message)


def _by_state(counts: dict[tuple[int, State], int]) -> dict[State, int]:
    found: dict[State, int] = {}
    for (_, state), count in counts.items():
        found[state] = found.get(state, 0) + count
    return found


def _state_now(tx: Transaction, run: RunRow, steps: Sequence[StepRow], counts: dict[tuple[int, State], int]) -> State:
    """Of a run that has not ended. Where pages may be missing, those that failed do not make it a failure yet."""
    policies = {step.number: Policies.from_text(step.policies) for step in steps}
    limited = {step: said for step, said in policies.items() if said.max_missing_outputs is not None}
    if limited:
        well = forgiven(limited, [tally for tally in page_tallies.of_run(tx, run.seq) if tally.alone])
        counts = {
            (step, State.SUCCESS if step in well and state in LOST else state): count
            for (step, state), count in sorted(counts.items(), key=lambda item: item[0][1] in LOST)
        }
    return shown_run_state(_by_state(counts), ended=False)


def _summary(tx: Transaction, run: RunRow, pauses: Pauses) -> RunSummary:
    counts = runs.counts(tx, run.seq)
    live = run.ended_at is None
    run_steps = runs.steps_of(tx, run.seq)
    seconds = {} if live else runs.seconds(tx, run.seq)
    of_many = [] if run.page_wise else [row for row in jobs.of_run(tx, run.seq) if row.page is None]
    pages = {row.step: pieces.page_counts(tx, row.seq) for row in of_many}
    tallies = page_tallies.of_run(tx, run.seq)
    found = page_counts.of_run(tx, run.seq)
    paused = {s.number: _pause(pauses.of_step(run.id, s.number, s.processor)) if live else None for s in run_steps}
    other_ways = _other_ways(tx, run)
    steps = [
        StepSummary(
            number=step.number,
            processor=step.processor,
            input_file_grps=step.input_file_grps,
            output_file_grps=step.output_file_grps,
            parameters=json.loads(step.parameters),
            counts={state: count for (number, state), count in counts.items() if number == step.number},
            pages=pages.get(step.number, {}),
            seconds=seconds.get(step.number),
            paused=live and (step.processor in pauses.processors or paused[step.number] is not None),
            pause=paused[step.number],
            policies=json.loads(step.policies),
            account=account(tally for tally in tallies if tally.step == step.number),
            recognised=recognised(found.get(step.number)),
            other_ways=other_ways.get(step.number, []),
        )
        for step in run_steps
    ]
    return RunSummary(
        run_id=run.id, kind=run.kind, state=_state_now(tx, run, run_steps, counts) if live else run.state,
        path_to_mets=run.mets, workspace_id=run.workspace_id,
        workflow=run.workflow, page_id=run.page_selector, page_wise=run.page_wise,
        priority=run.priority, overwrite=run.overwrite, submitted_at=run.submitted_at, ended_at=run.ended_at,
        undone_at=run.undone_at,
        message=run.message, description=run.description, jobs=run.all_jobs, skipped=run.skipped_jobs,
        kept=run.kept_jobs, steps=steps,
        stalled=any(paused.values()) and not held.can_go_on(tx, run.seq, [n for n, row in paused.items() if row]),
    )  # fmt: skip


def _other_ways(tx: Transaction, run: RunRow) -> dict[int, list[OtherWay]]:
    """By step."""
    rows = alternatives.of_run(tx, run.seq)
    done = alternatives.pages_done(tx, run.seq) if rows else {}
    found: dict[int, list[OtherWay]] = {}
    for row in rows:
        pages = done.get((row.step, row.number), [])
        way = OtherWay(
            processor=row.processor, parameters=json.loads(row.parameters), is_fallback=row.is_fallback,
            pages=len(pages), page_ids=pages[:MOST_NAMED],
        )  # fmt: skip
        found.setdefault(row.step, []).append(way)
    return found
