"""What a METS header tells of how a run was done: one agent for each step, and for each other way that pages were done
in."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from offizin.jobs import COPY_INPUT, State
from offizin.messages import Agent
from offizin.scheduling.learned import LearnedProcessors
from offizin.store import alternatives, runs
from offizin.store.runs import RunRow, StepRow
from offizin.store.transaction import Transaction
from offizin.workflows.policies import OnMissingOutput, Policies


def ids_begin_with(run: RunRow) -> str:
    """All agents of the run, and no others."""
    return f"offizin-{run.id}-"


def agents_of(tx: Transaction, run: RunRow, learned: LearnedProcessors) -> list[Agent]:
    """For each step of which something succeeded, as ``run_processor`` of the reference notes it; behind it one for
    each other way, with the pages that were done in it, and what it stood in for. Of pages whose input was copied the
    step's own says so."""
    succeeded = {
        step for (step, state), _ in runs.counts(tx, run.seq).items() if state in (State.SUCCESS, State.FAILED)
    }
    others = alternatives.of_run(tx, run.seq)
    steps = runs.steps_of(tx, run.seq)
    copies = any(Policies.from_text(step.policies).on_missing_output is OnMissingOutput.COPY for step in steps)
    pages = alternatives.pages_done(tx, run.seq) if others or copies else {}
    found: list[Agent] = []
    for step in steps:
        if step.number not in succeeded:
            continue
        name, notes = f"{ids_begin_with(run)}{step.number}", []
        if copied := pages.get((step.number, COPY_INPUT)):
            name, notes = f"{name}-copied-{_digest(copied)}", [("input-copied", ",".join(copied))]
        found.append(_agent(name, step, step.processor, step.parameters, run.page_selector, notes, learned))
        for other in others:
            done = pages.get((step.number, other.number))
            if other.step == step.number and done:
                more = [("stands-in-for", step.processor)]
                name = f"{ids_begin_with(run)}{step.number}-{other.number}-{_digest(done)}"
                found.append(_agent(name, step, other.processor, other.parameters, ",".join(done), more, learned))
    return found


def _digest(pages: Sequence[str]) -> str:
    """After another retry it may be other pages: then it is another agent."""
    return hashlib.blake2b("\n".join(pages).encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()


def _agent(
    name: str,
    step: StepRow,
    processor: str,
    parameters: str,
    pages: str,
    more: Sequence[tuple[str, str]],
    learned: LearnedProcessors,
) -> Agent:
    return Agent(
        id=name,
        name=f"{processor} v{learned.version(processor)}",
        otherrole=learned.step(processor),
        notes=[
            ("input-file-grp", ",".join(step.input_file_grps)),
            ("output-file-grp", ",".join(step.output_file_grps)),
            ("parameter", parameters),
            ("page-id", pages),
            *more,
        ],
    )
