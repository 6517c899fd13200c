"""What does not change about a step of a run, kept at hand for the hot path."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import msgspec

from offizin.jobs import RunKind
from offizin.store import runs
from offizin.store.runs import NewRun, StepRow
from offizin.store.transaction import Transaction

MOST_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class StepContext:
    """One step of one run: what its pieces have in common."""

    run: int
    run_id: str
    kind: RunKind
    step: int
    workspace: int
    mets: Path
    mets_text: str
    directory: str
    processor: str
    parameters: msgspec.Raw
    input_file_grps: list[str]
    output_file_grps: list[str]
    overwrite: bool
    page_selector: str


class Contexts:
    """Steps by (run, step); read from the database, in the transaction that needs them, when they are not at hand."""

    def __init__(self) -> None:
        self._steps: dict[tuple[int, int], StepContext] = {}

    def get(self, run: int, step: int) -> StepContext:
        return self._steps[run, step]

    def put(self, run: int, new: NewRun, mets: str) -> None:
        """The steps of a run that is being written. Should that fail, the next run with this number puts its own."""
        for step in new.steps:
            self._steps[run, step.number] = _context(
                step, run, new.id, new.kind, new.workspace, mets, new.overwrite, new.page_selector
            )

    def load(self, tx: Transaction, wanted: Collection[tuple[int, int]]) -> None:
        """Afterwards ``get`` finds all of ``wanted``."""
        missing = {run for run, step in wanted if (run, step) not in self._steps}
        if len(self._steps) + len(missing) > MOST_KEPT:
            self._steps = {key: self._steps[key] for key in wanted if key in self._steps}
        for run in missing:
            row = runs.by_seq(tx, run)
            for step in runs.steps_of(tx, run):
                self._steps[run, step.number] = _context(
                    step, run, row.id, row.kind, row.workspace, row.mets, row.overwrite, row.page_selector
                )


def _context(
    step: StepRow, run: int, run_id: str, kind: RunKind, workspace: int, mets: str, overwrite: bool, selector: str
) -> StepContext:
    return StepContext(
        run=run,
        run_id=run_id,
        kind=kind,
        step=step.number,
        workspace=workspace,
        mets=Path(mets),
        mets_text=mets,
        directory=mets.rpartition("/")[0],
        processor=step.processor,
        parameters=msgspec.Raw(step.parameters.encode()),
        input_file_grps=list(step.input_file_grps),
        output_file_grps=list(step.output_file_grps),
        overwrite=overwrite,
        page_selector=selector,
    )
