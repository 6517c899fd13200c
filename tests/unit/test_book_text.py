"""Which text `offizin text` means."""

from __future__ import annotations

from pathlib import Path

import pytest

from offizin.cli.program import exit_code_of
from offizin.cli.text_accuracy import compared_text, errors_of_book
from offizin.errors import FileGroupMissing, MetsMissing, PagesInvalid
from offizin.messages import File
from offizin.mets.create import NewPage, create
from offizin.workspaces.accuracy import CharacterErrors
from offizin.workspaces.book_text import book_text

PAGE = "application/vnd.prima.page+xml"


@pytest.fixture
def mets(tmp_path: Path) -> Path:
    """Three pages; OCR-A has text for all, OCR-B for the second, then a group of images follows."""
    pages = []
    for number in (1, 2, 3):
        page = f"P{number}"
        files = [File(f"IMG{number}", "IMG", "image/png", page, f"IMG/{number}.png")]
        for group in ("OCR-A", *(["OCR-B"] if number == 2 else [])):
            (tmp_path / group).mkdir(exist_ok=True)
            (tmp_path / group / f"{page}.xml").write_text(
                "<PcGts><Page><TextRegion id='r'><TextLine id='l'><TextEquiv><Unicode>"
                f"{group} of {page}</Unicode></TextEquiv></TextLine></TextRegion></Page></PcGts>"
            )
            files.append(File(f"{group}-{page}", group, PAGE, page, f"{group}/{page}.xml"))
        files.append(File(f"LAST{number}", "LAST", "image/png", page, f"LAST/{number}.png"))
        pages.append(NewPage(page, files))
    create(tmp_path / "mets.xml", pages, "book")
    return tmp_path / "mets.xml"


def test_the_last_group_with_text_is_taken_if_none_is_named(mets: Path) -> None:
    assert book_text(mets, None, None) == [("P2", ["OCR-B of P2"])]


def test_a_group_and_pages_can_be_named(mets: Path) -> None:
    assert book_text(mets, "OCR-A", "P3,P1") == [("P1", ["OCR-A of P1"]), ("P3", ["OCR-A of P3"])]


def test_a_group_without_text_on_these_pages_is_passed_over(mets: Path) -> None:
    assert book_text(mets, None, "P1") == [("P1", ["OCR-A of P1"])]


@pytest.mark.parametrize("group", ["NONE", "LAST"])
def test_a_group_without_text_is_refused_and_others_are_named(mets: Path, group: str) -> None:
    with pytest.raises(FileGroupMissing) as caught:
        book_text(mets, group, None)
    assert group in caught.value.message
    assert "OCR-A, OCR-B" in caught.value.advice


def test_unknown_pages_and_books_are_refused(mets: Path) -> None:
    with pytest.raises(PagesInvalid):
        book_text(mets, None, "P4")
    with pytest.raises(MetsMissing):
        book_text(mets.parent / "other.xml", None, None)


def test_text_is_compared_with_the_truth(mets: Path) -> None:
    pages = compared_text(mets, "OCR-B", "OCR-A", None)
    assert [(page.page, page.lines) for page in pages] == [("P2", ["OCR-B of P2"]), ("P1", None), ("P3", None)]
    assert [page.errors for page in pages] == [CharacterErrors(1, 11), CharacterErrors(11, 11), CharacterErrors(11, 11)]
    assert errors_of_book(pages) == CharacterErrors(23, 33)


def test_a_page_without_truth_has_no_errors(mets: Path) -> None:
    pages = compared_text(mets, "OCR-A", "OCR-B", "P1,P2")
    assert [(page.page, page.errors and page.errors.edits) for page in pages] == [("P1", None), ("P2", 1)]


def test_the_truth_is_not_compared_with_itself_unless_asked_for(mets: Path) -> None:
    assert compared_text(mets, None, "OCR-B", "P2")[0].lines == ["OCR-A of P2"]
    assert compared_text(mets, "OCR-B", "OCR-B", "P2")[0].errors == CharacterErrors(0, 11)


def test_error_rates_are_told_for_each_page_and_the_book(mets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(["text", str(mets), "-I", "OCR-B", "--truth", "OCR-A", "-g", "P2"]) == 0
    assert capsys.readouterr().out == (
        "=== P2: character error rate 9.09% ===\nOCR-B of P2\n\n"
        "Character error rate of 1 page: 9.09% (1 of 11 characters)\n"
    )
