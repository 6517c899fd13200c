"""What became of a piece that a worker of the reference had."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Raw

from offizin.messages import Cause, File, Piece, Result, Slice
from offizin.stock_workers.judging import End, result_of
from offizin.workers.added_files import Added
from offizin.workers.child_outcome import before

BEGAN = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001 - the reference has no time zones
PAGES = ["P1", "P2", "P3"]


def judged(end: End, *added: Added) -> Result:
    files = [File(f"I{page}", "IN", page_id=page) for page in PAGES]
    piece = Piece(
        version=1, job="job", attempt=1, piece=0, processor="ocrd-dummy", parameters=Raw(b"{}"),
        input_file_grps=["IN"], output_file_grps=["OUT"], directory="/book", mets="/book/mets.xml", log="a.log",
        slice=Slice(PAGES, files),
    )  # fmt: skip
    return result_of(piece, before(piece), added, {}, end)


def made(page: str, seconds: float = 1.0) -> Added:
    """So long after the worker had begun."""
    at = int((BEGAN + timedelta(seconds=seconds)).timestamp() * 1e9)
    return Added(File(f"O{page}", "OUT", page_id=page, changed_at=at))


def causes(result: Result) -> dict[str, Cause | None]:
    return {page.page: page.cause for page in result.pages}


def test_a_page_without_output_is_a_failed_page_though_the_worker_says_success() -> None:
    result = judged(End("SUCCESS"), made("P1"), made("P3"))
    assert causes(result) == {"P1": None, "P2": Cause.NO_OUTPUT, "P3": None}
    assert result.cause is None


def test_after_a_failure_the_log_says_why_and_pages_that_are_done_stay() -> None:
    tail = "19:13 INFO begins\nRuntimeError: No space left on device"
    result = judged(End("FAILED", log_tail=tail), made("P1"), made("P2"))
    assert (result.cause, result.log_tail, result.before_first_page) == (Cause.DISK_FULL, tail, True)
    assert causes(result) == {"P1": None}  # the last one may be half done


def test_a_failure_without_a_log_says_so() -> None:
    result = judged(End("FAILED"))
    assert result.cause is Cause.EXCEPTION
    assert "its log cannot be read here" in result.message


def test_a_failure_after_another_worker_was_lost_is_nobodys() -> None:
    assert judged(End("FAILED", disturbed=True)).cause is Cause.RUNNER_LOST


def test_the_page_that_a_lost_worker_wrote_last_is_made_again() -> None:
    """The worker after it leaves it out, because it has output."""
    end = End("SUCCESS", disturbed=True, started_at=BEGAN)
    result = judged(end, made("P1", -2), made("P2", -1), made("P3", 1))
    assert (result.cause, causes(result)) == (Cause.RUNNER_LOST, {"P1": None, "P3": None})


def test_older_files_mean_nothing_where_no_worker_was_lost() -> None:
    result = judged(End("SUCCESS", started_at=BEGAN), made("P1", -2), made("P2", -1), made("P3", 1))
    assert (result.cause, causes(result)) == (None, dict.fromkeys(PAGES))


def test_what_nobody_had_begun_with_is_charged_to_nobody() -> None:
    result = judged(End(cause=Cause.WORKER_LOST, message="no worker is left", charged=False))
    assert (result.cause, result.charged, result.pages) == (Cause.WORKER_LOST, False, [])
