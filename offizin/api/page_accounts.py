"""Pages counted in and out of the steps of a run, and of its jobs."""

from __future__ import annotations

from collections.abc import Iterable

from offizin.api.models import PageAccount, Recognised
from offizin.jobs import COPIED, SKIPPED, State
from offizin.store.page_counts import CountsRow, StepCounts
from offizin.store.page_tallies import PageTally


def account(tallies: Iterable[PageTally]) -> PageAccount:
    """Of one step, or one job."""
    pages = {"all": 0, "out": 0, "missing": 0, SKIPPED: 0, COPIED: 0}
    for tally in tallies:
        pages["all"] += tally.count
        if tally.mark == SKIPPED:
            pages[SKIPPED] += tally.count
        elif tally.lost:
            pages["missing"] += tally.count
        elif tally.state is State.SUCCESS:
            pages["out"] += tally.count
            pages[COPIED] += tally.count if tally.mark == COPIED else 0
    return PageAccount(
        pages_in=pages["all"], pages_out=pages["out"], missing=pages["missing"], skipped=pages[SKIPPED],
        copied=pages[COPIED],
    )  # fmt: skip


def recognised(counts: StepCounts | CountsRow | None) -> Recognised | None:
    if counts is None:
        return None
    confidence = None if counts.confidence is None else round(counts.confidence, 4)
    return Recognised(regions=counts.regions, lines=counts.lines, words=counts.words, confidence=confidence)
