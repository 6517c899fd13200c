"""Pages counted in and out of one call of a program that tells no page's end."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offizin.messages import Cause, Counts, File, FileState, PageOutcome, Piece, Slice
from offizin.workers.added_files import Added
from offizin.workers.child_inputs import MadeOf
from offizin.workers.child_outcome import after_failure, after_success, before


def file(page: str | None, group: str = "OUT", number: int = 1) -> File:
    return File(f"{group}_{page}_{number}", group, "text/xml", page, f"{group}/{page}_{number}.xml")


def added(page: str | None, group: str = "OUT", number: int = 1, **found: Any) -> Added:
    return Added(file(page, group, number), **found)


def piece(pages: str, *, there: str = "", without_input: str = "", **fields: Any) -> Piece:
    """``pages`` are letters; those in ``there`` have output already."""
    inputs = [file(page, "IN") for page in pages if page not in without_input]
    return msgspec.structs.replace(
        Piece(
            version=1, job="j", attempt=1, piece=0, processor="ocrd-x", parameters=msgspec.Raw(b"{}"),
            input_file_grps=["IN"], output_file_grps=["OUT"], directory="/book", mets="/book/mets.xml", log="j.log",
            slice=Slice(list(pages), [*inputs, *(file(page) for page in there)]),
        ),
        **fields,
    )  # fmt: skip


def causes(pages: list[PageOutcome]) -> dict[str, Cause | None]:
    return {page.page: page.cause for page in pages}


def test_after_a_good_end_a_page_is_done_that_has_output_and_another_has_failed() -> None:
    work = piece("abc")
    found = after_success(
        work, before(work), [added("a"), added("c"), added("a", number=2), added("b", "ELSEWHERE")], {}
    )
    assert causes(found.pages) == {"a": None, "b": Cause.NO_OUTPUT, "c": None}
    assert [len(page.files) for page in found.pages] == [2, 0, 1]
    assert found.open_pages == 0


def test_what_has_output_already_or_no_input_is_settled_before() -> None:
    work = piece("abcd", there="b", without_input="c")
    known = before(work)
    assert known.to_do == ["a", "d"]
    found = after_success(work, known, [added("a"), added("d")], {})
    assert causes(found.pages) == {"a": None, "b": None, "c": Cause.NO_INPUT, "d": None}
    assert [page.page for page in found.pages if page.existed] == ["b"]


def test_with_overwrite_nothing_is_there_before() -> None:
    work = piece("ab", there="ab", overwrite=True)
    assert before(work).to_do == ["a", "b"]
    assert causes(after_success(work, before(work), [added("a")], {}).pages) == {"a": None, "b": Cause.NO_OUTPUT}


def test_output_that_was_there_fails_the_page_where_it_is_to_be_refused() -> None:
    work = piece("ab", there="a", refuse_existing=True)
    found = after_success(work, before(work), [added("b")], {})
    assert causes(found.pages) == {"a": Cause.BAD_OUTPUT, "b": None}
    assert found.pages[0].existed


@pytest.mark.parametrize("settle", [after_success, after_failure])
def test_what_is_called_page_and_is_none_fails_its_page(settle: Any) -> None:
    work = piece("abc")
    found = settle(work, before(work), [added("a"), added("b", fault="is no PAGE"), added("c")], {})
    assert causes(found.pages)["b"] is Cause.BAD_OUTPUT
    assert found.pages[1].files == []


def test_a_page_s_counts_are_those_of_its_richest_file() -> None:
    work = piece("a")
    made = [added("a", counts=Counts(lines=9)), added("a", number=2, counts=Counts(words=2)), added("a", number=3)]
    assert after_success(work, before(work), made, {}).pages[0].counts == Counts(words=2)


def test_a_program_that_did_not_use_its_mets_server_is_told_so() -> None:
    work = piece("a")
    assert after_success(work, before(work), [], {}).pages[0].message.endswith("by the METS server at -U")
    assert "-U" not in after_success(work, before(work), [added("a", "ELSEWHERE")], {}).pages[0].message


def test_what_a_page_was_made_of_goes_with_its_files() -> None:
    work = piece("ab")
    how = MadeOf("digest", [FileState("IN/a.xml", 1, 2, 3, "d")])
    a, b = after_success(work, before(work), [added("a")], {"a": how, "b": how}).pages
    assert (a.inputs, a.reads) == ("digest", how.reads)
    assert (b.inputs, b.reads) == ("", [])


def test_files_of_no_page_and_of_foreign_pages_are_handed_on_for_the_server_to_judge() -> None:
    work = piece("a")
    found = after_success(work, before(work), [added("a"), added(None), added("z")], {})
    assert [each.page_id for each in found.files] == [None, "z"]


def test_after_a_bad_end_the_page_that_was_added_to_last_may_be_half_done() -> None:
    work = piece("abcd")
    found = after_failure(work, before(work), [added("a"), added("b"), added("b", number=2)], {})
    assert causes(found.pages) == {"a": None}
    assert found.open_pages == 3


def test_after_a_bad_end_nothing_is_said_of_a_single_page() -> None:
    work = piece("a")
    assert after_failure(work, before(work), [added("a")], {}).pages == []


def test_a_program_without_output_groups_has_done_its_pages_when_it_ends_well() -> None:
    work = piece("ab", output_file_grps=[])
    assert causes(after_success(work, before(work), [], {}).pages) == {"a": None, "b": None}
    assert after_failure(work, before(work), [], {}).pages == []


@pytest.mark.parametrize("settle", [after_success, after_failure])
@given(data=st.data())
def test_every_page_has_one_outcome_or_is_open(settle: Any, data: st.DataObject) -> None:
    letters = st.sets(st.sampled_from("abcdef")).map(lambda chosen: "".join(sorted(chosen)))
    pages = data.draw(letters)
    work = piece(pages, there=data.draw(letters), without_input=data.draw(letters))
    groups = st.sampled_from(["OUT", "ELSEWHERE"])
    some = st.builds(added, st.sampled_from([*"abcdef", None]), groups)
    found = settle(work, before(work), data.draw(st.lists(some, unique_by=lambda each: each.file.id)), {})
    named = [page.page for page in found.pages]
    assert len(set(named)) == len(named)
    assert set(named) <= set(pages)
    assert len(named) + found.open_pages == len(pages)
    assert settle is after_failure or not found.open_pages
    for page in found.pages:
        assert page.cause is not None or page.existed or any(f.file_grp == "OUT" for f in page.files)
