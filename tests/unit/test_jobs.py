"""The states of jobs and runs: the table of transitions, driven; and what the outside is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from offizin.jobs import FINAL, LIVE, TRANSITIONS, RunKind, State, final_run_state, may_become, shown_job_state
from offizin.jobs import shown_run_state as shown


class OneJob(RuleBasedStateMachine):
    """Everything that may happen to a job, in any order. Each thing that happens asks the table."""

    def __init__(self) -> None:
        super().__init__()
        self.state = State.UNSET
        self.attempt = 0
        self.finished: list[tuple[int, State]] = []
        self.retries = 0

    def become(self, then: State) -> None:
        assert may_become(self.state, then), f"{self.state} may not become {then}"
        self.state = then
        if then in FINAL:
            self.finished.append((self.attempt, then))

    @initialize()
    def submit(self) -> None:
        self.become(State.CACHED)

    @precondition(lambda self: self.state is State.CACHED)
    @rule()
    def enter_the_window(self) -> None:
        self.attempt += 1
        self.become(State.QUEUED)

    @precondition(lambda self: self.state is State.QUEUED)
    @rule()
    def a_runner_begins(self) -> None:
        self.become(State.RUNNING)

    # A job that is over quickly is never shown as running.
    @precondition(lambda self: self.state in (State.QUEUED, State.RUNNING))
    @rule(end=st.sampled_from(sorted(FINAL)))
    def a_result_comes(self, end: State) -> None:
        self.become(end)

    @precondition(lambda self: self.state in (State.QUEUED, State.RUNNING))
    @rule()
    def it_is_tried_again_or_was_lost_with_its_server(self) -> None:
        self.become(State.CACHED)

    @precondition(lambda self: self.state in LIVE)
    @rule()
    def the_user_cancels(self) -> None:
        self.become(State.CANCELLED)

    @precondition(lambda self: self.state in FINAL)
    @rule()
    def the_user_retries(self) -> None:
        self.retries += 1
        self.become(State.CACHED)

    @rule(then=st.sampled_from(sorted(State)))
    def nothing_else_gets_a_finished_job_to_move(self, then: State) -> None:
        if self.state in FINAL and then is not State.CACHED:
            assert not may_become(self.state, then)

    @rule()
    def nothing_runs_that_was_not_in_the_window(self) -> None:
        assert may_become(self.state, State.RUNNING) == (self.state is State.QUEUED)

    @invariant()
    def it_ends_at_most_once_for_each_time_it_was_asked_for(self) -> None:
        assert len(self.finished) <= 1 + self.retries


TestOneJob = OneJob.TestCase


def test_the_table_names_every_state() -> None:
    assert set(TRANSITIONS) == set(State)
    assert frozenset({State.UNSET}) | LIVE | FINAL == set(State)


@pytest.mark.parametrize("state", sorted(LIVE))
def test_from_every_live_state_the_end_can_be_reached(state: State) -> None:
    reached = {state}
    while more := {then for now in reached - FINAL for then in TRANSITIONS[now]} - reached:
        reached |= more
    assert reached >= FINAL


def test_only_finished_states_say_so() -> None:
    assert {state for state in State if state.is_final} == FINAL


COUNTS = st.dictionaries(st.sampled_from(sorted(State)), st.integers(0, 3))


@pytest.mark.parametrize(
    ("states", "ended", "expected"),
    [
        ([State.SUCCESS, State.FAILED, State.RUNNING], False, State.FAILED),
        ([State.SUCCESS, State.CANCELLED], False, State.FAILED),
        ([State.SUCCESS, State.RUNNING, State.CACHED], False, State.RUNNING),
        ([State.SUCCESS, State.QUEUED], False, State.RUNNING),
        ([State.SUCCESS, State.CACHED], False, State.RUNNING),
        ([State.SUCCESS], False, State.RUNNING),
        ([State.SUCCESS], True, State.SUCCESS),
        ([State.QUEUED, State.CACHED], False, State.QUEUED),
        ([State.CACHED], False, State.CACHED),
        ([], True, State.SUCCESS),
        ([], False, State.RUNNING),
    ],
)
def test_the_simple_state_of_a_run(states: list[State], ended: bool, expected: State) -> None:
    assert shown(dict.fromkeys(states, 2), ended=ended) is expected


@given(COUNTS, st.booleans())
def test_a_run_never_shows_unset(counts: dict[State, int], ended: bool) -> None:
    assert shown(counts, ended=ended) is not State.UNSET


@given(COUNTS)
def test_a_run_shows_success_only_after_its_mets_is_saved(counts: dict[State, int]) -> None:
    assert shown(counts, ended=False) is not State.SUCCESS


@given(COUNTS, st.booleans())
def test_a_failed_or_cancelled_job_is_never_hidden(counts: dict[State, int], ended: bool) -> None:
    bad = counts.get(State.FAILED, 0) + counts.get(State.CANCELLED, 0)
    assert (shown(counts, ended=ended) is State.FAILED) == (bad > 0)


@pytest.mark.parametrize("end", sorted(FINAL))
def test_a_job_by_itself_shows_its_end_only_when_its_mets_is_saved(end: State) -> None:
    assert shown_job_state(end, RunKind.JOB, run_ended=False) is State.RUNNING
    assert shown_job_state(end, RunKind.JOB, run_ended=True) is end
    assert shown_job_state(end, RunKind.WORKFLOW, run_ended=False) is end


@pytest.mark.parametrize("state", sorted(LIVE))
def test_a_live_job_is_shown_as_it_is(state: State) -> None:
    assert shown_job_state(state, RunKind.JOB, run_ended=False) is state


@given(st.lists(st.sampled_from(sorted(FINAL))))
def test_a_run_succeeds_only_if_all_of_it_did(states: list[State]) -> None:
    end = final_run_state(states)
    assert (end is State.SUCCESS) == all(state is State.SUCCESS for state in states)
    assert (end is State.FAILED) == (State.FAILED in states)
