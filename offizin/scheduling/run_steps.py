"""The steps of runs as they were submitted, read once in a transaction for each run that is concerned."""

from __future__ import annotations

from offizin.store import alternatives, runs
from offizin.store.alternatives import AlternativeRow, fallback_after
from offizin.store.jobs import JobRow
from offizin.store.runs import StepRow
from offizin.store.transaction import Transaction
from offizin.workflows.policies import Policies


class RunSteps:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._runs: dict[int, dict[int, StepRow]] = {}
        self._fallbacks: dict[int, list[AlternativeRow]] = {}

    def of(self, job: JobRow) -> StepRow:
        if job.run not in self._runs:
            self._runs[job.run] = {step.number: step for step in runs.steps_of(self._tx, job.run)}
        return self._runs[job.run][job.step]

    def fallback(self, job: JobRow, alternative: int) -> tuple[int, str] | None:
        """Number and processor of the fallback that comes after this way to do the job's step."""
        if job.run not in self._fallbacks:
            self._fallbacks[job.run] = [row for row in alternatives.of_run(self._tx, job.run) if row.is_fallback]
        numbered = [(row.number, row.processor) for row in self._fallbacks[job.run] if row.step == job.step]
        return fallback_after(alternative, numbered)

    def policies(self, job: JobRow) -> Policies:
        return Policies.from_text(self.of(job).policies)
