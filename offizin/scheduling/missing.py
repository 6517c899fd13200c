"""What becomes of a page that is not to be tried any more, or that has no input, as its step's policies say. Pure.

That is decided here, for all causes alike, once nothing else is left to try: so it holds for a page whose runner died
as for one that raised an exception. A copy of the input is made by a piece that says so (``COPY_INPUT``), without the
processor's part.
"""

from __future__ import annotations

from enum import StrEnum

from offizin.jobs import RunKind
from offizin.messages import Cause
from offizin.workflows.policies import OnMissingInput, OnMissingOutput, Policies


class Becomes(StrEnum):
    FAILED = "failed"
    SKIPPED = "skipped"  # over without output, and no failure
    FALLBACK = "fallback"  # the next way to do its step is to be tried
    COPY = "copy"  # its input is to be copied


# Another processor would fare no better, or was not asked for.
_NO_FALLBACK = frozenset({Cause.CANCELLED, Cause.NO_INPUT, Cause.DISK_FULL})
# No page's own fault: they would take the whole book, one page after the other.
_NOT_OF_THE_PAGE = frozenset({Cause.CANCELLED, Cause.BAD_PARAMETER, Cause.MODEL_MISSING, Cause.DISK_FULL})


def becomes(
    policies: Policies, cause: Cause, *, existed: bool = False, copying: bool = False, fallback: bool = False
) -> Becomes:
    """Of a page that got no output. ``existed``: because it had one; ``copying``: its input was to be copied;
    ``fallback``: its step has one that was not tried yet."""
    if fallback and cause not in _NO_FALLBACK and not existed and not copying:
        return Becomes.FALLBACK
    if cause in _NOT_OF_THE_PAGE or existed or copying:
        return Becomes.FAILED
    if cause is Cause.NO_INPUT:
        return Becomes.SKIPPED if policies.on_missing_input is OnMissingInput.SKIP else Becomes.FAILED
    if policies.on_missing_output is OnMissingOutput.SKIP:
        return Becomes.SKIPPED
    return Becomes.COPY if policies.on_missing_output is OnMissingOutput.COPY else Becomes.FAILED


def of_only_page(decided: Becomes, policies: Policies, kind: RunKind) -> Becomes:
    """As ``becomes``, when the page is all of a job submitted by itself: how many may be missing counts now."""
    if kind is not RunKind.JOB or policies.max_missing_outputs is None:
        return decided
    if decided in (Becomes.COPY, Becomes.FALLBACK):
        return decided
    return Becomes.SKIPPED if policies.allows(1, 0, 1) else Becomes.FAILED


def skips_along(policies: Policies, *, skipped_before: bool) -> bool:
    """Whether a page is skipped because what it needs was skipped, or is missing. Where nothing was said, what was
    skipped before is skipped along, and a missing input stays a failure."""
    said = policies.on_missing_input
    return said is OnMissingInput.SKIP or (said is None and skipped_before)
