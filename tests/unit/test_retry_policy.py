"""What happens after an attempt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offizin.messages import Cause
from offizin.scheduling.retry_policy import (
    NEVER,
    TABLE,
    Attempt,
    Limits,
    Next,
    after,
    after_loss,
    losses_before_next,
    pause_before_next,
    tries_after,
)

LIMITS = Limits(own_failures=2, runner_losses=3)
OWN_FAILURES = [Cause.CRASH, Cause.EXIT, Cause.EXCEPTION, Cause.TIMEOUT, Cause.NO_OUTPUT, Cause.BAD_OUTPUT]


def attempt(
    cause: Cause | None = None,
    failed: Cause | None = None,
    *,
    charged: bool = True,
    open_pages: int = 1,
    tries: int = 0,
    independent: bool = False,
    wants_full_mets: bool = False,
) -> Attempt:
    return Attempt(cause, failed, charged, open_pages, tries, independent, wants_full_mets)


attempts = st.builds(
    Attempt,
    cause=st.one_of(st.none(), st.sampled_from(Cause)),
    failed=st.one_of(st.none(), st.sampled_from(Cause)),
    charged=st.booleans(),
    open_pages=st.integers(0, 5),
    tries=st.integers(0, 10),
    independent_pages=st.booleans(),
    wants_full_mets=st.booleans(),
)
limits = st.builds(Limits, own_failures=st.integers(0, 4), runner_losses=st.integers(0, 4))


def test_pages_that_were_refused_because_the_lease_was_over_are_tried_again() -> None:
    decisions = [after(attempt(failed=Cause.RUNNER_LOST, open_pages=0, tries=tries), Limits()) for tries in range(4)]
    assert decisions == [Next.AGAIN, Next.AGAIN, Next.AGAIN, Next.OVER]


def test_success_is_final() -> None:
    assert after(attempt(open_pages=0), LIMITS) is Next.OVER


@pytest.mark.parametrize("cause", OWN_FAILURES)
def test_by_default_a_processors_own_failure_is_final(cause: Cause) -> None:
    assert after(attempt(cause), Limits()) is Next.OVER
    assert after(attempt(failed=cause, open_pages=0), Limits()) is Next.OVER


@pytest.mark.parametrize("cause", OWN_FAILURES)
def test_own_failures_are_tried_again_as_often_as_configured(cause: Cause) -> None:
    decisions = [after(attempt(cause, tries=tries), LIMITS) for tries in range(4)]
    assert decisions == [Next.AGAIN, Next.AGAIN, Next.OVER, Next.OVER]


@pytest.mark.parametrize("cause", sorted(cause for cause, rule in TABLE.items() if rule is NEVER))
def test_what_cannot_get_better_is_not_tried_again(cause: Cause) -> None:
    assert after(attempt(cause), LIMITS) is Next.OVER
    assert after(attempt(failed=cause, open_pages=0), LIMITS) is Next.OVER


def test_a_runner_lost_under_a_living_worker_is_replaced_three_times() -> None:
    decisions = [after(attempt(Cause.RUNNER_LOST, tries=tries), Limits()) for tries in range(4)]
    assert decisions == [Next.AGAIN, Next.AGAIN, Next.AGAIN, Next.OVER]


def test_pages_that_were_dragged_along_are_done_one_by_one() -> None:
    crashed = attempt(Cause.CRASH, open_pages=7, independent=True)
    assert after(crashed, Limits()) is Next.PAGE_BY_PAGE
    assert after(attempt(Cause.CRASH, open_pages=1, independent=True), Limits()) is Next.OVER
    assert after(attempt(Cause.CRASH, open_pages=7, independent=False), Limits()) is Next.OVER


def test_a_slice_that_does_not_suffice_is_followed_by_a_full_mets() -> None:
    assert after(attempt(Cause.EXCEPTION, wants_full_mets=True), Limits()) is Next.FULL_METS


@given(attempts, limits)
def test_cancelled_is_over(each: Attempt, limit: Limits) -> None:
    if each.cause is Cause.CANCELLED:
        assert after(each, limit) is Next.OVER


@given(attempts, limits)
def test_nothing_is_done_again_when_nothing_is_left_to_do(each: Attempt, limit: Limits) -> None:
    if not each.open_pages and each.failed is None:
        assert after(each, limit) is Next.OVER


@given(attempts, limits)
def test_what_is_charged_does_not_go_on_for_ever(each: Attempt, limit: Limits) -> None:
    """Tries grow with each attempt that is charged; pages done one by one and the full METS happen once each."""
    if each.charged and each.tries >= max(tries_after(cause, limit) for cause in Cause):
        assert after(each, limit) in (Next.OVER, Next.PAGE_BY_PAGE, Next.FULL_METS)
        if each.open_pages <= 1 and not each.wants_full_mets:
            assert after(each, limit) is Next.OVER


@given(attempts, limits)
def test_nobody_pays_for_what_had_not_begun(each: Attempt, limit: Limits) -> None:
    if not each.charged and each.cause is not Cause.CANCELLED and each.open_pages:
        assert after(each, limit) is Next.AGAIN


def test_after_two_losses_with_the_worker_a_piece_runs_alone_and_then_it_counts() -> None:
    decisions = [after_loss(losses, Limits()) for losses in range(7)]
    assert [decision.alone for decision in decisions] == [False, False, True, True, True, True, True]
    assert [decision.give_up for decision in decisions] == [False, False, False, False, False, False, True]


def test_there_is_a_rule_for_each_cause() -> None:
    assert set(TABLE) | {Cause.RUNNER_LOST, Cause.WORKER_LOST} == set(Cause)


def test_what_was_out_of_memory_is_tried_once_more_alone() -> None:
    decisions = [after(attempt(Cause.OUT_OF_MEMORY, tries=tries), Limits()) for tries in range(2)]
    assert decisions == [Next.AGAIN, Next.OVER]
    assert after_loss(losses_before_next(Cause.OUT_OF_MEMORY, 0, LIMITS), LIMITS).alone
    assert losses_before_next(Cause.OUT_OF_MEMORY, 4, LIMITS) == 4
    assert losses_before_next(Cause.CRASH, 0, LIMITS) == 0


def test_pages_that_ran_out_of_memory_together_are_first_tried_one_by_one() -> None:
    assert after(attempt(Cause.OUT_OF_MEMORY, open_pages=3, independent=True), Limits()) is Next.PAGE_BY_PAGE


def test_a_full_disk_is_tried_again_later_and_later() -> None:
    decisions = [after(attempt(failed=Cause.DISK_FULL, open_pages=0, tries=tries), Limits()) for tries in range(5)]
    assert decisions == [Next.AGAIN] * 4 + [Next.OVER]
    assert [pause_before_next(Cause.DISK_FULL, tries) for tries in range(4)] == [60.0, 300.0, 900.0, 3600.0]
    assert pause_before_next(Cause.RUNNER_LOST, 0) == pause_before_next(Cause.EXCEPTION, 0) == 0.0
