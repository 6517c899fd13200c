"""What does not change about a step of a run, kept at hand for the hot path."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from offizin.jobs import COPIED, COPY_INPUT, OWN_WAY, RunKind
from offizin.store import alternatives, runs
from offizin.store.alternatives import AlternativeRow, fallback_after
from offizin.store.runs import NewRun, StepRow
from offizin.store.transaction import Transaction
from offizin.workflows.policies import NOTHING_SAID, Policies

MOST_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class StepContext:
    """One step of one run, done in one way: what its pieces have in common.

    ``alternative`` is the number of the way, 0 for the step's own, COPY_INPUT for none; ``fallback`` the one that comes
    after it (its number and processor) for pages that fail; ``mark`` what pages are marked with that were done in this
    way; ``instead_of`` the step's own way, where it is another one.
    """

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
    alternative: int = 0
    fallback: tuple[int, str] | None = None
    mark: str = ""
    policies: Policies = NOTHING_SAID
    instead_of: StepContext | None = None


class Contexts:
    """Steps by (run, step, alternative); read from the database, in the transaction that needs them, when they are not
    at hand."""

    def __init__(self) -> None:
        self._steps: dict[tuple[int, int, int], StepContext] = {}

    def get(self, run: int, step: int, alternative: int = 0) -> StepContext:
        return self._steps[run, step, alternative]

    def put(self, run: int, new: NewRun, mets: str) -> None:
        """The steps of a run that is being written. Should that fail, the next run with this number puts its own."""
        for step in new.steps:
            own = _context(step, run, new.id, new.kind, new.workspace, mets, new.overwrite, new.page_selector)
            self._put_ways(own, [row for row in new.alternatives if row.step == step.number])

    def load(self, tx: Transaction, wanted: Collection[tuple[int, int, int]]) -> None:
        """Afterwards ``get`` finds all of ``wanted``."""
        missing = {key[0] for key in wanted if key not in self._steps}
        if len(self._steps) + len(missing) > MOST_KEPT:
            self._steps = {key: self._steps[key] for key in wanted if key in self._steps}
        for run in missing:
            row = runs.by_seq(tx, run)
            others = alternatives.of_run(tx, run)
            for step in runs.steps_of(tx, run):
                own = _context(step, run, row.id, row.kind, row.workspace, row.mets, row.overwrite, row.page_selector)
                self._put_ways(own, [other for other in others if other.step == step.number])

    def _put_ways(self, own: StepContext, others: Sequence[AlternativeRow]) -> None:
        """The step's own way and the ``others``, each with the fallback that comes after it."""
        fallbacks = [(other.number, other.processor) for other in others if other.is_fallback]
        self._steps[own.run, own.step, OWN_WAY] = replace(own, fallback=fallback_after(OWN_WAY, fallbacks))
        self._steps[own.run, own.step, COPY_INPUT] = replace(own, alternative=COPY_INPUT, mark=COPIED)
        for other in others:
            self._steps[own.run, own.step, other.number] = replace(
                own,
                processor=other.processor,
                parameters=msgspec.Raw(other.parameters.encode()),
                alternative=other.number,
                fallback=fallback_after(other.number, fallbacks),
                mark=_mark(own, other),
                instead_of=own,
            )


def _mark(own: StepContext, other: AlternativeRow) -> str:
    if other.is_fallback:
        return f"fallback {other.processor}"
    return "other parameters" if other.processor == own.processor else f"instead {other.processor}"


def _context(
    step: StepRow, run: int, run_id: str, kind: RunKind, workspace: int, mets: str, overwrite: bool, selector: str
) -> StepContext:
    policies = Policies.from_text(step.policies)
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
        overwrite=policies.overwrite if policies.on_existing_output is not None else overwrite,
        page_selector=selector,
        policies=policies,
    )
