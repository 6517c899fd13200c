"""How a run stands, or has ended, when some of its pages may be missing. Pure but for reading the rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from offizin.jobs import State, final_run_state
from offizin.store import jobs, page_tallies, runs
from offizin.store.page_tallies import PageTally
from offizin.store.transaction import Transaction
from offizin.workflows.policies import Policies


def end_of_run(tx: Transaction, run: int) -> State:
    """What it ends as, all its jobs being over."""
    ends = jobs.ends_of_run(tx, run)
    states = {state for state, _ in ends}
    if ends <= {(State.SUCCESS, "")}:
        return State.SUCCESS
    policies = {step.number: Policies.from_text(step.policies) for step in runs.steps_of(tx, run)}
    if all(said.max_missing_outputs is None for said in policies.values()):
        return final_run_state(states)
    alone = [tally for tally in page_tallies.of_run(tx, run) if tally.alone]
    of_many = jobs.states_of_many_pages(tx, run)
    return final_run_state(of_many | _states(policies, alone))


def forgiven(policies: Mapping[int, Policies], tallies: Collection[PageTally]) -> set[int]:
    """The steps of which so few pages are missing that they are a success; of pages that have a job each."""
    there = {tally.step for tally in tallies} & policies.keys()
    return {step for step in there if _allowed(policies[step], [t for t in tallies if t.step == step])}


def _allowed(said: Policies, tallies: Sequence[PageTally]) -> bool:
    failed = sum(tally.count for tally in tallies if tally.lost)
    left_out = sum(tally.count for tally in tallies if tally.left_out)
    by_user = any(tally.lost and tally.by_user for tally in tallies)
    return not by_user and said.allows(failed, left_out, sum(tally.count for tally in tallies))


def _states(policies: Mapping[int, Policies], alone: Sequence[PageTally]) -> set[State]:
    """Of the pages with a job each, as the limits of their steps have it."""
    well = forgiven(policies, alone)
    states = {State.SUCCESS if tally.step in well else tally.state for tally in alone}
    too_many = {tally.step for tally in alone if tally.left_out} - well
    return states | {State.FAILED} if too_many else states
