"""From steps and pages to jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from offizin.scheduling.plan import MISSING, THERE, Found, Plan, PlannedStep, nothing_there, plan
from offizin.workflows.policies import OnExistingOutput, Policies

PAGES = ("p1", "p2", "p3")


def step(number: int, processor: str, reads: str, writes: str) -> PlannedStep:
    groups = tuple(writes.split(",")) if writes else ()
    return PlannedStep(number, processor, "{}", (reads,), groups)


def anew(steps: Sequence[PlannedStep], existing: OnExistingOutput = OnExistingOutput.OVERWRITE) -> list[PlannedStep]:
    return [replace(each, policies=Policies(on_existing_output=existing)) for each in steps]


STEPS = [step(0, "ocrd-seg", "IMG", "SEG"), step(1, "ocrd-rec", "SEG", "OCR")]


def there(*pairs: tuple[str, str]) -> Callable[[PlannedStep, str], Found]:
    def found(step: PlannedStep, page: str) -> Found:
        return THERE if all((group, page) in pairs for group in step.output_file_grps) else MISSING

    return found


def all_there(_step: PlannedStep, _page: str) -> Found:
    return THERE


def shape(planned: Plan) -> list[tuple[int, tuple[str, ...]]]:
    return [(job.step.number, job.pages) for job in planned.jobs]


def test_page_wise_there_is_a_job_for_each_page_and_step_and_early_pages_are_through_early() -> None:
    planned = plan(STEPS, PAGES[:2], page_wise=True, found=nothing_there)
    assert shape(planned) == [(0, ("p1",)), (1, ("p1",)), (0, ("p2",)), (1, ("p2",))]
    assert planned.skipped == 0


def test_otherwise_there_is_a_job_for_each_step() -> None:
    planned = plan(STEPS, PAGES, page_wise=False, found=nothing_there)
    assert shape(planned) == [(0, PAGES), (1, PAGES)]


def test_what_has_its_output_is_left_out_and_counted() -> None:
    done = there(("SEG", "p1"), ("SEG", "p2"), ("OCR", "p2"))
    planned = plan(STEPS, PAGES, page_wise=True, found=done)
    assert shape(planned) == [(1, ("p1",)), (0, ("p3",)), (1, ("p3",))]
    assert planned.skipped == 3
    planned = plan(STEPS, PAGES, page_wise=False, found=done)
    assert shape(planned) == [(0, ("p3",)), (1, ("p1", "p3"))]
    assert planned.skipped == 3


def test_a_page_with_only_some_of_its_output_groups_is_done() -> None:
    steps = [step(0, "ocrd-seg", "IMG", "SEG,CUT")]
    planned = plan(steps, ["p1"], page_wise=True, found=there(("SEG", "p1")))
    assert shape(planned) == [(0, ("p1",))]


def test_overwrite_does_everything_again() -> None:
    planned = plan(anew(STEPS), PAGES, page_wise=True, found=all_there)
    assert len(planned.jobs) == 6
    assert planned.skipped == 0


def test_what_must_not_have_output_is_asked_for_to_be_told_so() -> None:
    steps = [STEPS[0], *anew(STEPS[1:], OnExistingOutput.FAIL)]
    planned = plan(steps, PAGES[:1], page_wise=True, found=all_there)
    assert shape(planned) == [(1, ("p1",))]
    assert planned.skipped == 1


def test_a_step_without_output_group_is_never_left_out() -> None:
    planned = plan([step(0, "ocrd-show", "IMG", "")], PAGES, page_wise=True, found=nothing_there)
    assert len(planned.jobs) == 3


def test_a_workflow_with_nothing_to_do_has_no_jobs() -> None:
    for page_wise in (True, False):
        planned = plan(STEPS, PAGES, page_wise=page_wise, found=all_there)
        assert planned == Plan([], 6)


def test_the_place_counts_the_pages_a_processor_has_to_do_before() -> None:
    """So that a workflow with many steps of one processor gets no more turns than one with a single step."""
    steps = [step(0, "ocrd-dummy", "IMG", "A"), step(1, "ocrd-dummy", "A", "B"), step(2, "ocrd-rec", "B", "C")]
    page_wise = plan(steps, PAGES[:2], page_wise=True, found=nothing_there)
    assert [job.place for job in page_wise.jobs] == [0, 1, 0, 2, 3, 1]
    whole = plan(steps, PAGES, page_wise=False, found=nothing_there)
    assert [job.place for job in whole.jobs] == [0, 3, 0]


@given(st.sets(st.tuples(st.sampled_from(["SEG", "OCR"]), st.sampled_from(PAGES))), st.booleans(), st.booleans())
def test_every_step_and_page_is_done_once_or_skipped(
    done: set[tuple[str, str]], page_wise: bool, overwrite: bool
) -> None:
    planned = plan(anew(STEPS) if overwrite else STEPS, PAGES, page_wise=page_wise, found=there(*done))
    of_jobs = [(job.step.number, page) for job in planned.jobs for page in job.pages]
    assert len(of_jobs) == len(set(of_jobs))
    assert len(of_jobs) + planned.skipped == len(STEPS) * len(PAGES)
    assert not {(STEPS[number].output_file_grps[0], page) for number, page in of_jobs} & (set() if overwrite else done)
