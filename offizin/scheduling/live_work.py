"""What is under way on a workspace, as far as it concerns who comes next."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from offizin.scheduling.edges import Work
from offizin.scheduling.plan import PlannedStep
from offizin.store import jobs, pieces, runs
from offizin.store.runs import StepRow
from offizin.store.transaction import Transaction


def groups_of(steps: Sequence[PlannedStep] | Sequence[StepRow]) -> set[str]:
    return {group for step in steps for group in (*step.input_file_grps, *step.output_file_grps)}


def live_work(tx: Transaction, workspace: int, *, touching: Collection[str]) -> list[Work]:
    """What live jobs on the workspace do to these file groups, in the order they were submitted."""
    found: list[Work] = []
    for run, step in runs.live_steps(tx, workspace):
        if not groups_of([step]) & set(touching):
            continue
        rows = jobs.live_of_step(tx, run, step.number)
        names = pieces.page_names(tx, [row.seq for row in rows if row.page is None])
        found.extend(
            Work(
                row.seq,
                names[row.seq] if row.page is None else (row.page,),
                step.input_file_grps,
                step.output_file_grps,
            )
            for row in rows
        )
    return sorted(found, key=lambda work: work.seq)
