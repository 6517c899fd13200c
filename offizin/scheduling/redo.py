"""What of a run is to be done again: the pages that somebody asks for, and what comes behind them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from offizin.jobs import State
from offizin.store.jobs import JobRow
from offizin.store.runs import StepRow


class What(StrEnum):
    """FAILED: what failed or was cancelled. MISSING: that, and pages whose output is not there, whatever was said of
    them. ALL: everything anew."""

    FAILED = "failed"
    MISSING = "missing"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Redo:
    """What somebody asks for. ``pages`` is a page selector, empty for all; ``step`` counts from 0, None for all.

    ``processor`` and ``parameters`` are another way to do just these pages: without a processor the parameters are set
    over those of the step. ``skip``: the pages are to stay without output, and it is no failure.
    """

    what: What = What.FAILED
    pages: str = ""
    step: int | None = None
    processor: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    skip: bool = False

    @property
    def other_way(self) -> bool:
        return bool(self.processor or self.parameters)

    @property
    def plain(self) -> bool:
        """Nothing special is asked for."""
        return self == Redo()


@dataclass(frozen=True, slots=True)
class PageOfJob:
    """``number`` is its place among the job's pages, 0 in a job of one page; ``left_out``: it succeeded without output,
    as it was to."""

    number: int
    page: str
    state: State
    left_out: bool = False
    cause: str | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Again:
    """A job that is over, and those of its ``pages`` that are done again. ``asked``: pages that were asked for
    themselves; the others are behind such."""

    row: JobRow
    pages: list[PageOfJob]
    asked: bool


def choose(
    redo: Redo,
    wanted: Collection[str] | None,
    rows: Sequence[tuple[JobRow, Sequence[PageOfJob]]],
    steps: Mapping[int, StepRow],
    is_missing: Callable[[StepRow, str], bool],
    dropped: Collection[tuple[str, str]] = (),
) -> list[Again]:
    """Jobs that are over, in the order of ``rows``, which is that of their submission.

    ``wanted``: the pages, None for all; ``is_missing(step, page)``: its output is not there. ``dropped``: (file group,
    page) pairs that were taken out at the run's end, and are made once more where they are needed.
    """

    def fits(step: StepRow, page: PageOfJob) -> bool:
        if redo.what is What.ALL or page.state is not State.SUCCESS:
            return True
        return redo.what is What.MISSING and (page.left_out or is_missing(step, page.page))

    def is_asked_for(step: StepRow, page: PageOfJob) -> bool:
        named = (redo.step is None or redo.step == step.number) and (wanted is None or page.page in wanted)
        return named and fits(step, page)

    made_anew: set[tuple[str, str]] = set()  # file group and page
    found: dict[int, Again] = {}
    for row, pages in rows:
        step = steps[row.step]
        asked = [page for page in pages if is_asked_for(step, page)]
        names = {page.page for page in asked}
        behind = [
            page
            for page in pages
            if page.page not in names
            and any((group, page.page) in made_anew for group in step.input_file_grps)
            and (fits(step, page) or page.left_out)
        ]
        if again := sorted([*asked, *behind], key=lambda page: page.number):
            made_anew.update((group, page.page) for page in again for group in step.output_file_grps)
            found[row.seq] = Again(row, again, bool(asked))
    if found and dropped and not redo.skip:
        _supply(found, rows, steps, dropped)
    return [found[row.seq] for row, _ in rows if row.seq in found]


def _supply(
    found: dict[int, Again],
    rows: Sequence[tuple[JobRow, Sequence[PageOfJob]]],
    steps: Mapping[int, StepRow],
    dropped: Collection[tuple[str, str]],
) -> None:
    """Add what makes the input that was dropped, from the last step back."""
    needed: set[tuple[str, str]] = set()
    for row, pages in reversed(rows):
        step, chosen = steps[row.step], found.get(row.seq)
        names = set() if chosen is None else {page.page for page in chosen.pages}
        makers = {page.page for page in pages if any((group, page.page) in needed for group in step.output_file_grps)}
        if makers - names:
            again = [page for page in pages if page.page in names | makers]
            found[row.seq] = Again(row, again, chosen is not None and chosen.asked)
        needed -= {(group, page) for page in makers for group in step.output_file_grps}
        needed |= {
            (group, page) for page in names | makers for group in step.input_file_grps if (group, page) in dropped
        }
