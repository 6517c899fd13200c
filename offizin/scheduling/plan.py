"""From steps and pages to jobs: what there is to do. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step that has been checked: ``parameters`` is JSON text with defaults filled in."""

    number: int
    processor: str
    parameters: str
    input_file_grps: tuple[str, ...]
    output_file_grps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """``place`` counts the jobs of a step from 0 (its turn within the run)."""

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
    overwrite: bool,
    has_files: Callable[[str, str], bool],
) -> Plan:
    """One job for each page and step (page by page, so that early pages are through early), or one for each step.

    ``has_files(file_grp, page)`` says what is there already; what is complete is left out unless ``overwrite``.
    """

    def is_done(step: PlannedStep, page: str) -> bool:
        groups = step.output_file_grps
        return bool(groups) and not overwrite and all(has_files(group, page) for group in groups)

    places = [0] * len(steps)
    jobs: list[PlannedJob] = []
    skipped = 0
    if page_wise:
        for page in pages:
            for at, step in enumerate(steps):
                if is_done(step, page):
                    skipped += 1
                else:
                    jobs.append(PlannedJob(step, (page,), places[at]))
                    places[at] += 1
        return Plan(jobs, skipped)
    for step in steps:
        open_pages = tuple(page for page in pages if not is_done(step, page))
        skipped += len(pages) - len(open_pages)
        if open_pages:
            jobs.append(PlannedJob(step, open_pages, 0))
    return Plan(jobs, skipped)
