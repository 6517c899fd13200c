"""What a measurement gives, and how it is told: rows, each beside its target, and the lines below them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figure:
    """One row. ``met`` is None where there is no target, or where nothing could be measured.

    ``bare_loops`` and ``reference`` are ratios to a bare loop and to the reference, measured in the same run.
    """

    what: str
    measured: str
    target: str = ""
    met: bool | None = None
    bare_loops: str = ""
    reference: str = ""

    @property
    def verdict(self) -> str:
        return {None: "", True: "met", False: "MISSED"}[self.met]

    @property
    def cells(self) -> tuple[str, ...]:
        return (self.what, self.target, self.measured, self.verdict, self.bare_loops, self.reference)


HEADINGS = ("", "target", "measured", "", "bare loop", "reference")


@dataclass(frozen=True)
class Group:
    """The figures of one measurement. ``lines``: what else is to be known, one paragraph each; ``split``: a plain text
    table or plot."""

    title: str
    figures: Sequence[Figure]
    lines: Sequence[str] = field(default_factory=tuple)
    split: str = ""


@dataclass(slots=True)
class ReferenceFigures:
    """What the reference took in this run for a workflow of ``pages`` pages; None where it was not measured."""

    pages: int | None = None
    jobs_a_second: float | None = None
    submit_seconds: float | None = None
    one_job_seconds: float | None = None

    def faster(self, jobs_a_second: float) -> str:
        return f"{jobs_a_second / self.jobs_a_second:.0f} ×" if self.jobs_a_second else ""

    def shorter(self, seconds: float, of: float | None) -> str:
        return f"{of / seconds:.0f} × faster" if of else ""
