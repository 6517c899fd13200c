"""What a report says. Values only; times are in seconds, moments in seconds since the epoch, memory is in bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Spread:
    """How values lie: the five numbers of a box plot."""

    least: float
    lower_quartile: float
    median: float
    upper_quartile: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self | None:
        """None of no values."""
        if not values:
            return None
        if len(values) == 1:
            return cls(*[values[0]] * 5)
        lower, median, upper = quantiles(values, n=4, method="inclusive")
        return cls(min(values), lower, median, upper, max(values))


@dataclass(frozen=True, slots=True)
class StepReport:
    """One step over all its pages. ``pages`` counts them by how they stand; ``seconds`` is for a page, None in
    whole-book jobs, whose time is ``seconds_in_all`` alone; ``confidence`` from 0 to 1."""

    number: int
    processor: str
    version: str
    parameters: dict[str, Any]
    input_file_grps: list[str]
    output_file_grps: list[str]
    pages: dict[str, int]
    seconds: Spread | None
    seconds_in_all: float
    peak_memory: int
    words: int
    lines: int
    confidence: float | None


@dataclass(frozen=True, slots=True)
class PageReport:
    """``states``: how the page stands in each step, in their order; empty where it has no job there. ``words``,
    ``lines`` and ``confidence`` are those of the last step that has counted any."""

    page_id: str
    states: list[str]
    words: int | None
    lines: int | None
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Trouble:
    """Pages of one step that have no output of their own, for one cause. ``message`` is that of the first of them."""

    step: int
    processor: str
    state: str
    cause: str
    message: str
    pages: list[str]


@dataclass(frozen=True, slots=True)
class WorstPage:
    """``picture``: the page's image, made small, as a data URL; empty where there is none that can be read."""

    page_id: str
    confidence: float
    words: int
    picture: str


@dataclass(frozen=True, slots=True)
class RunReport:
    """``command`` does the same again; ``made_by`` is this program with its version."""

    run_id: str
    state: str
    message: str
    description: str
    path_to_mets: str
    workflow: str
    command: str
    submitted_at: float
    ended_at: float | None
    made_at: float
    made_by: str
    steps: list[StepReport]
    pages: list[PageReport]
    troubles: list[Trouble]
    worst_pages: list[WorstPage]
