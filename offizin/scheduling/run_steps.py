"""The steps of runs as they were submitted, read once in a transaction for each run that is concerned."""

from __future__ import annotations

from offizin.store import runs
from offizin.store.jobs import JobRow
from offizin.store.runs import StepRow
from offizin.store.transaction import Transaction
from offizin.workflows.policies import Policies


class RunSteps:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._runs: dict[int, dict[int, StepRow]] = {}

    def of(self, job: JobRow) -> StepRow:
        if job.run not in self._runs:
            self._runs[job.run] = {step.number: step for step in runs.steps_of(self._tx, job.run)}
        return self._runs[job.run][job.step]

    def policies(self, job: JobRow) -> Policies:
        return Policies.from_text(self.of(job).policies)
