"""Jobs and runs: their states, the table of legal transitions, and what the outside is shown. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class State(StrEnum):
    """OCR-D's job states (ocrd_network/constants.py JobState)."""

    UNSET = "UNSET"
    CACHED = "CACHED"
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_final(self) -> bool:
        return self in FINAL


FINAL = frozenset({State.SUCCESS, State.FAILED, State.CANCELLED})
LIVE = frozenset({State.CACHED, State.QUEUED, State.RUNNING})

TRANSITIONS: dict[State, frozenset[State]] = {
    State.UNSET: frozenset({State.CACHED}),
    # waits for its edges, or is ready and not yet in the window; SUCCESS when it is skipped, as what it needs was
    State.CACHED: frozenset({State.QUEUED, State.CANCELLED, State.SUCCESS}),
    # in the window of the broker; back to CACHED when the broker or the worker was lost, or when it is recalled
    State.QUEUED: frozenset({State.RUNNING, State.CACHED, State.SUCCESS, State.FAILED, State.CANCELLED}),
    # with a runner; back to CACHED for another attempt
    State.RUNNING: frozenset({State.SUCCESS, State.FAILED, State.CANCELLED, State.CACHED}),
    # an explicit retry gives the same job a new attempt, and revives what is behind it
    State.SUCCESS: frozenset({State.CACHED}),
    State.FAILED: frozenset({State.CACHED}),
    State.CANCELLED: frozenset({State.CACHED}),
}


def may_become(now: State, then: State) -> bool:
    return then in TRANSITIONS[now]


# Which of its ways a job of one page, or a piece, is at: 0 is its step's own, others are numbered from 1; and last of
# all, no processor's: the page's input becomes its output.
OWN_WAY = 0
COPY_INPUT = -1


# How a page that is over differs from one that is simply done, which has no mark.
SKIPPED = "skipped"  # it has no output, and is not to have any
COPIED = "copied"  # its output is its input


class RunKind(StrEnum):
    """A job submitted by itself is a run of one step: priority, fairness, saving and callbacks are one mechanism."""

    WORKFLOW = "workflow"
    JOB = "job"


def shown_run_state(counts: dict[State, int], *, ended: bool) -> State:
    """The simple state of a workflow run (GET /workflow/job-simple).

    Any failed or cancelled job makes it FAILED, else any running one RUNNING. All succeeded is SUCCESS, but only once
    the METS that holds their files is saved (``ended``). Some done and none running at this instant is RUNNING; before
    anything ran QUEUED or CACHED.
    """
    present = {state for state, count in counts.items() if count}
    if State.FAILED in present or State.CANCELLED in present:
        return State.FAILED
    if present <= {State.SUCCESS}:
        return State.SUCCESS if ended else State.RUNNING
    if State.RUNNING in present or State.SUCCESS in present:
        return State.RUNNING
    return State.QUEUED if State.QUEUED in present else State.CACHED


def shown_job_state(state: State, kind: RunKind, *, run_ended: bool) -> State:
    """A job submitted by itself shows its end only when the METS that holds its files is saved."""
    if kind is RunKind.JOB and state in FINAL and not run_ended:
        return State.RUNNING
    return state


def final_run_state(states: Iterable[State]) -> State:
    """What a run ends as: FAILED if anything failed, else CANCELLED if anything was cancelled, else SUCCESS."""
    present = set(states)
    if State.FAILED in present:
        return State.FAILED
    return State.CANCELLED if State.CANCELLED in present else State.SUCCESS
