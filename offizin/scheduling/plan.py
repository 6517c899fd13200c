"""From steps and pages to jobs: what there is to do. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from offizin.workflows.policies import NOTHING_SAID, OnExistingOutput, Policies


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step that has been checked: ``parameters`` is JSON text with defaults filled in."""

    number: int
    processor: str
    parameters: str
    input_file_grps: tuple[str, ...]
    output_file_grps: tuple[str, ...]
    policies: Policies = NOTHING_SAID


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """``place``: how many pages of the run its processor has to do before this job (its turn within the run)."""

    step: PlannedStep
    pages: tuple[str, ...]
    place: int


@dataclass(frozen=True, slots=True)
class Plan:
    """``skipped``: how many (step, page) pairs have their output already."""

    jobs: list[PlannedJob]
    skipped: int


def plan(
    steps: Sequence[PlannedStep],
    pages: Sequence[str],
    *,
    page_wise: bool,
    has_files: Callable[[str, str], bool],
) -> Plan:
    """One job for each page and step (page by page, so that early pages are through early), or one for each step.

    ``has_files(file_grp, page)`` says what is there already; what is complete is left out, unless the step's
    policies say that it is to be made anew, or to fail.
    """

    def is_done(step: PlannedStep, page: str) -> bool:
        groups = step.output_file_grps
        leave = step.policies.on_existing_output in (None, OnExistingOutput.SKIP)
        return leave and bool(groups) and all(has_files(group, page) for group in groups)

    places: Counter[str] = Counter()
    jobs: list[PlannedJob] = []
    skipped = 0

    def add(step: PlannedStep, of_job: tuple[str, ...]) -> None:
        jobs.append(PlannedJob(step, of_job, places[step.processor]))
        places[step.processor] += len(of_job)

    if page_wise:
        for page in pages:
            for step in steps:
                if is_done(step, page):
                    skipped += 1
                else:
                    add(step, (page,))
        return Plan(jobs, skipped)
    for step in steps:
        open_pages = tuple(page for page in pages if not is_done(step, page))
        skipped += len(pages) - len(open_pages)
        if open_pages:
            add(step, open_pages)
    return Plan(jobs, skipped)
