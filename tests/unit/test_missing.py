"""What becomes of a page that got no output."""

from __future__ import annotations

import pytest

from offizin.messages import Cause
from offizin.scheduling.missing import Becomes, becomes
from offizin.workflows import Policies

SKIP = Policies.from_pairs([("on_missing_output", "skip")])


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause not in ("CANCELLED", "NO_INPUT", "DISK_FULL")])
def test_a_fallback_is_tried_before_anything_else(cause: Cause) -> None:
    assert becomes(SKIP, cause, fallback=True) is Becomes.FALLBACK
    assert becomes(SKIP, cause, fallback=False) is not Becomes.FALLBACK


def test_no_fallback_helps_where_nothing_can_or_nothing_is_wanted() -> None:
    for cause in (Cause.CANCELLED, Cause.NO_INPUT, Cause.DISK_FULL):
        assert becomes(Policies(), cause, fallback=True) is Becomes.FAILED
    assert becomes(Policies(), Cause.EXCEPTION, existed=True, fallback=True) is Becomes.FAILED
