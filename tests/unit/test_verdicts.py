"""What a result means: its pages judged one by one, its files checked."""

from __future__ import annotations

from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from offizin.jobs import RunKind
from offizin.messages import Cause, Delta, File, PageOutcome, Result
from offizin.mets.contents import Contents
from offizin.mets.index import MetsIndex
from offizin.mets.stamp import Stamp
from offizin.scheduling.contexts import StepContext
from offizin.scheduling.dispatched import Dispatched
from offizin.scheduling.lanes import Lane
from offizin.scheduling.retry_policy import Limits, Next
from offizin.scheduling.verdicts import Claims, PageVerdict, Verdict, judge

METS = Path("/books/one/mets.xml")
PAGES = ["p1", "p2", "p3"]


def file(page: str | None, group: str = "OCR", name: str = "") -> File:
    file_id = name or f"{group}_{page}"
    return File(file_id, group, "text/xml", page, url=f"https://example.org/{file_id}")


def piece(pages: list[str], *, overwrite: bool = False, tries: int = 0) -> Dispatched:
    images = [file(page, "IMG") for page in PAGES]
    index = MetsIndex(METS, Stamp(0, 0, 0, ""), Contents(PAGES, ["IMG"], images, None, {}, frozenset()))
    context = StepContext(
        run=1, run_id="r", kind=RunKind.WORKFLOW, step=0, workspace=1, mets=METS, mets_text=str(METS),
        directory=str(METS.parent), processor="ocrd-dummy", parameters=msgspec.Raw(b"{}"), input_file_grps=["IMG"],
        output_file_grps=["OCR"], overwrite=overwrite, page_selector="",
    )  # fmt: skip
    return Dispatched(
        seq=1, id="j", piece=0, attempt=1, of_many=len(pages) > 1, context=context, pages=pages,
        processor="ocrd-dummy", alone=False, tries=tries, overwrite=overwrite, lane=Lane(1, 0, METS, index),
    )  # fmt: skip


def verdict_of(
    of: Dispatched,
    result: Result,
    settled: set[str] | None = None,
    *,
    claims: Claims | None = None,
    independent: bool = False,
) -> Verdict:
    settled = set() if settled is None else settled
    return judge(of, result, settled, claims or Claims(), independent=independent, limits=Limits())


def result(*pages: PageOutcome, **fields: object) -> Result:
    return msgspec.structs.replace(Result("j", 1, 0, pages=list(pages)), **fields)


def test_pages_with_their_output_succeed() -> None:
    done = [PageOutcome(page, [file(page)]) for page in PAGES]
    verdict = verdict_of(piece(PAGES), result(*done))
    assert verdict.pages == [PageVerdict(page, None, "") for page in PAGES]
    assert verdict.open_pages == []
    assert verdict.delta.files == [file(page) for page in PAGES]
    assert verdict.next is Next.OVER
    assert verdict.worst is None


def test_a_page_without_outcome_in_a_piece_that_went_well_is_a_failed_page() -> None:
    verdict = verdict_of(piece(PAGES), result(PageOutcome("p1", [file("p1")])))
    assert [(page.page, page.cause) for page in verdict.pages] == [
        ("p1", None), ("p2", Cause.NO_OUTPUT), ("p3", Cause.NO_OUTPUT),
    ]  # fmt: skip
    assert verdict.open_pages == []


def test_a_failed_page_leaves_no_files() -> None:
    outcome = PageOutcome("p1", [file("p1")], cause=Cause.EXCEPTION, message="boom")
    verdict = verdict_of(piece(["p1"]), result(outcome))
    assert verdict.worst == PageVerdict("p1", Cause.EXCEPTION, "boom")
    assert verdict.delta.files == []


def test_a_file_that_does_not_fit_fails_its_page_alone() -> None:
    wrong = PageOutcome("p2", [file("p2", "OTHER")])
    good = [PageOutcome(page, [file(page)]) for page in ("p1", "p3")]
    verdict = verdict_of(piece(PAGES), result(good[0], wrong, good[1]))
    assert [(page.page, page.cause) for page in verdict.pages] == [
        ("p1", None), ("p2", Cause.BAD_OUTPUT), ("p3", None),
    ]  # fmt: skip
    assert [added.page_id for added in verdict.delta.files] == ["p1", "p3"]
    assert "OTHER" in verdict.pages[1].message


def test_a_file_of_another_page_does_not_fit() -> None:
    verdict = verdict_of(piece(["p1"]), result(PageOutcome("p1", [file("p2")])))
    assert verdict.worst is not None
    assert verdict.worst.cause is Cause.BAD_OUTPUT


def test_a_page_is_settled_by_its_first_outcome() -> None:
    settled: set[str] = set()
    first = verdict_of(piece(PAGES), result(PageOutcome("p1", [file("p1")]), end=False), settled)
    assert settled == {"p1"}
    assert first.open_pages == ["p2", "p3"]
    later = [PageOutcome("p1", cause=Cause.EXCEPTION), PageOutcome("p2", [file("p2")])]
    second = verdict_of(piece(PAGES), result(*later, cause=Cause.CRASH), settled)
    assert [(page.page, page.cause) for page in second.pages] == [("p2", None)]
    assert second.open_pages == ["p3"]


def test_pages_that_a_crash_left_behind_are_open_and_not_failed() -> None:
    verdict = verdict_of(piece(PAGES), result(PageOutcome("p1", [file("p1")]), cause=Cause.CRASH), independent=True)
    assert [page.page for page in verdict.pages] == ["p1"]
    assert verdict.open_pages == ["p2", "p3"]
    assert verdict.next is Next.PAGE_BY_PAGE


def test_a_piece_that_fails_before_its_first_page_is_done_page_by_page_whatever_the_processor() -> None:
    failed = result(cause=Cause.EXCEPTION, before_first_page=True)
    assert verdict_of(piece(PAGES), failed, independent=False).next is Next.PAGE_BY_PAGE


def test_a_crash_after_the_last_page_takes_nothing_back() -> None:
    done = [PageOutcome(page, [file(page)]) for page in PAGES]
    verdict = verdict_of(piece(PAGES), result(*done, cause=Cause.RUNNER_LOST))
    assert verdict.open_pages == []
    assert verdict.next is Next.OVER
    assert verdict.worst is None


def test_a_partial_result_decides_nothing_about_the_piece() -> None:
    verdict = verdict_of(piece(PAGES), result(PageOutcome("p1", cause=Cause.EXCEPTION), end=False))
    assert verdict.next is Next.OVER
    assert verdict.open_pages == ["p2", "p3"]


def test_files_without_page_go_in_with_the_end() -> None:
    done = [PageOutcome(page, [file(page)]) for page in PAGES]
    extra = file(None, "OCR", "OCR_book")
    verdict = verdict_of(piece(PAGES), result(*done, files=[extra]))
    assert extra in verdict.delta.files


def test_the_delta_says_whether_it_overwrites() -> None:
    outcome = PageOutcome("p1", [file("p1")])
    assert verdict_of(piece(["p1"], overwrite=True), result(outcome)).delta == Delta(
        [file("p1")], [], overwrite=True, run=1
    )


def test_a_missing_attribute_counts_only_if_something_failed() -> None:
    went_well = result(PageOutcome("p1", [file("p1")]), missing_attribute="physical_pages")
    assert verdict_of(piece(["p1"]), went_well).next is Next.OVER
    failed = result(PageOutcome("p1", cause=Cause.EXCEPTION), missing_attribute="physical_pages")
    assert verdict_of(piece(["p1"]), failed).next is Next.FULL_METS
    had_it_all = piece(["p1"])
    had_it_all.full_mets = True
    assert verdict_of(had_it_all, failed).next is Next.OVER


def test_a_lost_runner_is_forgiven_as_often_as_the_limits_say() -> None:
    lost = result(cause=Cause.RUNNER_LOST)
    assert verdict_of(piece(["p1"], tries=0), lost).next is Next.AGAIN
    assert verdict_of(piece(["p1"], tries=3), lost).next is Next.OVER


outcomes = st.lists(
    st.builds(
        PageOutcome,
        page=st.sampled_from([*PAGES, "p9"]),
        files=st.just([]),
        cause=st.one_of(st.none(), st.sampled_from(Cause)),
    ),
    max_size=5,
)


@given(outcomes, st.one_of(st.none(), st.sampled_from(Cause)), st.sets(st.sampled_from(PAGES)), st.booleans())
def test_every_page_of_a_piece_is_judged_or_left_open_exactly_once(
    pages: list[PageOutcome], cause: Cause | None, settled: set[str], end: bool
) -> None:
    before = set(settled)
    verdict = verdict_of(piece(PAGES), result(*pages, cause=cause, end=end), settled)
    judged = [page.page for page in verdict.pages]
    assert len(judged) == len(set(judged))
    assert sorted([*judged, *verdict.open_pages, *before]) == sorted(PAGES)
    if end and cause is None:
        assert verdict.open_pages == []


def test_files_of_the_piece_that_do_not_fit_are_an_error_of_the_whole() -> None:
    outcome = PageOutcome("p1", [file("p1")])
    verdict = verdict_of(piece(["p1", "p2"]), result(outcome, files=[file(None, "OTHER", "x")]))
    assert verdict.result.cause is Cause.BAD_OUTPUT
    assert "OTHER" in verdict.result.message
    assert (verdict.pages, verdict.open_pages) == ([], ["p1", "p2"])
    assert verdict.delta.files == []
    assert verdict.next is Next.OVER


def test_a_file_of_the_book_is_replaced_only_by_one_made_of_all_pages() -> None:
    """Page by page each job would write it anew, and the last one's would be taken for that of the book."""
    of_the_book = file(None, "OCR", "OCR_book")
    for pages, cause in ((["p1"], Cause.BAD_OUTPUT), (PAGES, None)):
        done = [PageOutcome(page, [file(page)]) for page in pages]
        work = piece(pages)
        assert work.lane is not None
        work.lane.index.apply(Delta([of_the_book]))
        verdict = verdict_of(work, result(*done, files=[of_the_book]))
        assert verdict.result.cause is cause
    assert verdict.delta.files == [of_the_book, *(file(page) for page in PAGES)]


def test_an_id_is_used_once_also_by_results_that_come_together() -> None:
    claims = Claims()
    first = verdict_of(piece(["p1"]), result(PageOutcome("p1", [file("p1", name="x")])), claims=claims)
    second = verdict_of(piece(["p2"]), result(PageOutcome("p2", [file("p2", name="x")])), claims=claims)
    assert first.worst is None
    assert second.worst == PageVerdict("p2", Cause.BAD_OUTPUT, "file ID x is used already, by a file in OCR of page p1")
    third = verdict_of(piece(["p2"]), result(PageOutcome("p2", [file("p2")])), claims=claims)
    assert third.worst is None


def test_files_of_the_book_that_come_together_are_one_too_many() -> None:
    claims = Claims()
    of_the_book = file(None, "OCR", "OCR_book")
    verdicts = [
        verdict_of(piece([page]), result(PageOutcome(page, [file(page)]), files=[of_the_book]), claims=claims)
        for page in ("p1", "p2")
    ]
    assert [verdict.result.cause for verdict in verdicts] == [None, Cause.BAD_OUTPUT]
