"""From steps and pages to jobs: what there is to do. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from offizin.workflows.policies import NOTHING_SAID, OnExistingOutput, Policies


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step that has been checked: ``parameters`` is JSON text with defaults filled in. ``together``: its pages are
    not independent, and are one piece of work."""

    number: int
    processor: str
    parameters: str
    input_file_grps: tuple[str, ...]
    output_file_grps: tuple[str, ...]
    policies: Policies = NOTHING_SAID
    together: bool = False


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """``place``: how many pages of the run its processor has to do before this job (its turn within the run);
    ``overwrite``: what is there of its output was made of something else, and gives way."""

    step: PlannedStep
    pages: tuple[str, ...]
    place: int
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """``skipped``: how many (step, page) pairs have their output already; ``kept``: how many of these were to be made
    anew, but for somebody who has changed them by hand."""

    jobs: list[PlannedJob]
    skipped: int
    kept: int = 0


class Output(Enum):
    """What there is of a page's output of a step."""

    MISSING = auto()
    THERE = auto()
    OUTDATED = auto()  # made of other inputs, with other parameters, or by another version; or gone from the disk
    DROPPED = auto()  # as THERE, but taken out at a run's end: made again only for what needs it


@dataclass(frozen=True, slots=True)
class Found:
    """``by_hand``: somebody has changed it since it was made."""

    output: Output
    by_hand: bool = False


MISSING, THERE = Found(Output.MISSING), Found(Output.THERE)


def nothing_there(_step: PlannedStep, _page: str) -> Found:
    return MISSING


def plan(
    steps: Sequence[PlannedStep],
    pages: Sequence[str],
    *,
    page_wise: bool,
    found: Callable[[PlannedStep, str], Found],
) -> Plan:
    """One job for each page and step (page by page, so that early pages are through early), or one for each step.

    ``found(step, page)`` says what there is already; what is complete is left out, unless the step's policies say that
    it is to be made anew, or to fail. What lies behind something that is made anew is made anew, too; what somebody has
    changed by hand stays, and what the policies say is to stay.
    """
    decided = _Decisions(steps, pages, found)
    places: Counter[str] = Counter()
    jobs: list[PlannedJob] = []

    def add(step: PlannedStep, of_job: tuple[str, ...]) -> None:
        anew = any((step.number, page) in decided.anew for page in of_job)
        jobs.append(PlannedJob(step, of_job, places[step.processor], anew))
        places[step.processor] += len(of_job)

    if page_wise:
        for page in pages:
            for step in steps:
                if (step.number, page) in decided.to_do:
                    add(step, (page,))
    else:
        for step in steps:
            open_pages = tuple(page for page in pages if (step.number, page) in decided.to_do)
            if open_pages:
                add(step, open_pages)
    skipped = len(steps) * len(pages) - len(decided.to_do)
    return Plan(jobs, skipped, len(decided.kept))


class _Decisions:
    """``to_do``: (step number, page) of all that is to be made; ``anew``: those of them of which there is something, or
    was; ``kept``: those that are left because somebody has changed them."""

    def __init__(
        self,
        steps: Sequence[PlannedStep],
        pages: Sequence[str],
        found: Callable[[PlannedStep, str], Found],
    ) -> None:
        self.to_do: set[tuple[int, str]] = set()
        self.anew: set[tuple[int, str]] = set()
        self.kept: set[tuple[int, str]] = set()
        self._steps = steps
        self._pages = pages
        self._by_hand: set[tuple[int, str]] = set()
        self._there: set[tuple[int, str]] = set()
        self._dropped: set[tuple[int, str]] = set()
        dropped: list[tuple[PlannedStep, str]] = []
        outdated: list[tuple[PlannedStep, str]] = []
        for step in steps:
            for page in pages:
                what = found(step, page) if step.output_file_grps else MISSING
                policy = step.policies.on_existing_output
                if what.output is Output.MISSING or policy is OnExistingOutput.FAIL:
                    self.to_do.add((step.number, page))
                    continue
                self._there.add((step.number, page))
                if what.by_hand and policy is None:
                    self._by_hand.add((step.number, page))
                if policy is OnExistingOutput.OVERWRITE or (what.output is Output.OUTDATED and policy is None):
                    outdated.append((step, page))
                elif what.output is Output.DROPPED:
                    self._dropped.add((step.number, page))
                    dropped.append((step, page))
        for step, page in outdated:
            self._make_anew(step, page)
        while wanted := [(step, page) for step, page in dropped if self._is_needed(step, page)]:
            for step, page in wanted:
                self._make_anew(step, page)

    def _make_anew(self, step: PlannedStep, page: str) -> None:
        """This, all pages of a step whose pages belong together, and all behind."""
        waiting = [(step, page)]
        while waiting:
            step, page = waiting.pop()
            key = (step.number, page)
            if key in self.anew or (key in self.to_do and key not in self._there):
                continue
            if step.policies.on_existing_output is OnExistingOutput.SKIP and key not in self._dropped:
                continue
            if key in self._by_hand:
                self.kept.add(key)
                continue
            self.to_do.add(key)
            self.anew.add(key)
            if step.together:
                waiting += [(step, other) for other in self._pages if (step.number, other) in self._there]
            waiting += [
                (later, each) for later, each in self._behind(step, page) if (later.number, each) in self._there
            ]

    def _is_needed(self, step: PlannedStep, page: str) -> bool:
        key = (step.number, page)
        if key in self.to_do or key in self.kept:
            return False
        return any((later.number, each) in self.to_do for later, each in self._behind(step, page))

    def _behind(self, step: PlannedStep, page: str) -> Iterator[tuple[PlannedStep, str]]:
        """What reads this page's output."""
        for later in self._steps[step.number + 1 :]:
            if not set(step.output_file_grps).isdisjoint(later.input_file_grps):
                for each in self._pages if later.together else (page,):
                    yield later, each
