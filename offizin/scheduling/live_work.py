"""What is under way on a workspace, as far as it concerns who comes next."""

from __future__ import annotations

from collections.abc import Sequence

from offizin.scheduling.edges import Work
from offizin.scheduling.plan import PlannedStep
from offizin.store import jobs, pieces, runs
from offizin.store.runs import StepRow
from offizin.store.transaction import Transaction


def live_work(tx: Transaction, workspace: int, *, steps: Sequence[PlannedStep] | Sequence[StepRow]) -> list[Work]:
    """The live jobs on the workspace that jobs of these steps may have to wait for, in the order they were submitted:
    those that write what these read or write, or read what these write. (Any number may read the same.)"""
    reads = {group for step in steps for group in step.input_file_grps}
    writes = {group for step in steps for group in step.output_file_grps}
    found: list[Work] = []
    for run, step in runs.live_steps(tx, workspace):
        if (reads | writes).isdisjoint(step.output_file_grps) and writes.isdisjoint(step.input_file_grps):
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
