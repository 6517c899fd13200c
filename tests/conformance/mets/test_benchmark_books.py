"""The books that the benchmarks make, and their look at the result: a figure of a wrong result must not come about."""

from __future__ import annotations

from pathlib import Path

from benchmarks.books import SOURCE, faults_of, make_book
from offizin.mets.index import MetsIndex


def test_a_book_is_a_workspace_with_all_its_pages(tmp_path: Path) -> None:
    book = make_book(tmp_path / "book", 3, [SOURCE, "OTHER"])

    index = MetsIndex.read(book.mets)

    assert list(index.pages) == list(book.pages)
    assert faults_of(book, [SOURCE, "OTHER"]) == []


def test_a_group_that_is_missing_is_found(tmp_path: Path) -> None:
    book = make_book(tmp_path / "book", 2)

    assert faults_of(book, ["OTHER"]) != []


def test_a_file_that_is_missing_on_disk_is_found(tmp_path: Path) -> None:
    book = make_book(tmp_path / "book", 2)
    next((book.directory / SOURCE).iterdir()).unlink()

    assert faults_of(book, [SOURCE]) != []


def test_a_page_with_two_files_is_found(tmp_path: Path) -> None:
    book = make_book(tmp_path / "book", 2)
    text = book.mets.read_text()
    text = text.replace('<mets:fptr FILEID="OCR-D-IMG_P00000"/>', '<mets:fptr FILEID="OCR-D-IMG_P00001"/>')
    book.mets.write_text(text)

    assert faults_of(book, [SOURCE]) != []


def test_a_file_entered_twice_is_found(tmp_path: Path) -> None:
    book = make_book(tmp_path / "book", 1)
    text = book.mets.read_text()
    begin, end = text.index("<mets:file "), text.index("</mets:file>") + len("</mets:file>")
    book.mets.write_text(text[:end] + text[begin:end] + text[end:])

    assert faults_of(book, [SOURCE]) != []
