"""Failures with one reason are told once."""

from __future__ import annotations

from offizin.cli.failure_groups import group_failures
from offizin.client import Failure


def failure(page: str | None, message: str, *, cause: str = "EXCEPTION", step: int = 0, job: str = "") -> Failure:
    return Failure(job or f"job of {page}", step, "ocrd-x", cause, page_id=page, message=message)


def test_messages_that_differ_in_page_numbers_and_ids_only_are_one_reason() -> None:
    groups = group_failures(
        failure(page, f"ValueError: {page} has no line 17{n} (job 3da49c41-6119-44a8-9a9f-128a43edad5{n})")
        for n, page in enumerate(["PHYS_0001", "PHYS_0002", "PHYS_0009"])
    )
    assert [group.pages for group in groups] == [("PHYS_0001", "PHYS_0002", "PHYS_0009")]
    assert groups[0].example.page_id == "PHYS_0001"
    assert groups[0].jobs == 3


def test_another_cause_step_or_message_is_another_reason_and_the_first_stays_first() -> None:
    groups = group_failures(
        [
            failure("P1", "no model"),
            failure("P2", "no model", cause="TIMEOUT"),
            failure("P3", "no model", step=1),
            failure("P4", "no image"),
            failure("P5", "no model"),
        ]
    )
    assert [group.pages for group in groups] == [("P1", "P5"), ("P2",), ("P3",), ("P4",)]


def test_a_job_that_failed_as_a_whole_has_no_pages() -> None:
    (group,) = group_failures([failure(None, "crashed", job="j"), failure(None, "crashed", job="j")])
    assert (group.pages, group.jobs) == ((), 1)
