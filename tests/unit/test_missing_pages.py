"""What becomes of pages without output or input, as policies say, and of runs with such pages."""

from __future__ import annotations

import pytest

from offizin.jobs import COPIED, SKIPPED, RunKind, State
from offizin.messages import Cause
from offizin.scheduling.missing import Becomes, becomes, of_only_page, skips_along
from offizin.scheduling.run_end import forgiven
from offizin.store.page_tallies import PageTally
from offizin.workflows.policies import Policies

SKIP = Policies.from_pairs([("on_missing_output", "skip")])
COPY = Policies.from_pairs([("on_missing_output", "copy")])
WITHOUT_INPUT = Policies.from_pairs([("on_missing_input", "skip")])


def test_without_policies_every_page_without_output_has_failed() -> None:
    assert {becomes(Policies(), cause) for cause in Cause} == {Becomes.FAILED}


@pytest.mark.parametrize("cause", [Cause.EXCEPTION, Cause.CRASH, Cause.TIMEOUT, Cause.WORKER_LOST, Cause.BAD_OUTPUT])
def test_a_page_of_its_own_fault_is_skipped_or_copied(cause: Cause) -> None:
    assert becomes(SKIP, cause) is Becomes.SKIPPED
    assert becomes(COPY, cause) is Becomes.COPY
    assert becomes(COPY, cause, copying=True) is Becomes.FAILED
    assert becomes(SKIP, cause, existed=True) is Becomes.FAILED


@pytest.mark.parametrize("cause", [Cause.MODEL_MISSING, Cause.BAD_PARAMETER, Cause.DISK_FULL, Cause.CANCELLED])
def test_what_is_no_fault_of_a_page_does_not_make_a_book_of_gaps(cause: Cause) -> None:
    assert becomes(SKIP, cause) is Becomes.FAILED
    assert becomes(COPY, cause) is Becomes.FAILED


def test_a_page_without_input_is_skipped_only_where_that_is_said() -> None:
    assert becomes(SKIP, Cause.NO_INPUT) is Becomes.FAILED
    assert becomes(COPY, Cause.NO_INPUT) is Becomes.FAILED
    assert becomes(WITHOUT_INPUT, Cause.NO_INPUT) is Becomes.SKIPPED
    assert skips_along(Policies(), skipped_before=True)
    assert not skips_along(Policies(), skipped_before=False)
    assert skips_along(WITHOUT_INPUT, skipped_before=False)
    assert not skips_along(Policies.from_pairs([("on_missing_input", "fail")]), skipped_before=True)


def test_of_a_job_of_one_page_by_itself_the_limit_counts_at_once() -> None:
    one, none = (Policies.from_pairs([("max_missing_outputs", text)]) for text in ("1", "0"))
    assert of_only_page(Becomes.FAILED, one, RunKind.JOB) is Becomes.SKIPPED
    assert of_only_page(Becomes.SKIPPED, none, RunKind.JOB) is Becomes.FAILED
    assert of_only_page(Becomes.FAILED, one, RunKind.WORKFLOW) is Becomes.FAILED


def tally(count: int, state: State, mark: str = "", *, by_user: bool = False) -> PageTally:
    return PageTally(0, state, mark, by_user, True, count)


@pytest.mark.parametrize(
    ("missing", "well"),
    [
        ([tally(2, State.FAILED)], True),
        ([tally(1, State.FAILED), tally(1, State.CANCELLED)], True),
        ([tally(1, State.FAILED), tally(1, State.SUCCESS, SKIPPED), tally(1, State.SUCCESS, COPIED)], False),
        ([tally(3, State.FAILED)], False),
        ([tally(1, State.CANCELLED, by_user=True)], False),
    ],
)
def test_a_step_with_few_missing_pages_is_forgiven(missing: list[PageTally], well: bool) -> None:
    said = Policies.from_pairs([("max_missing_outputs", "20%")])
    done = tally(10 - sum(each.count for each in missing), State.SUCCESS)
    assert forgiven({0: said, 1: said}, [done, *missing]) == ({0} if well else set())
