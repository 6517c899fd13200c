"""Which text `offizin text` means."""

from __future__ import annotations

from pathlib import Path

import pytest

from offizin.cli.book_text import book_text
from offizin.errors import FileGroupMissing, MetsMissing, PagesInvalid
from offizin.messages import File
from offizin.mets.create import NewPage, create

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
