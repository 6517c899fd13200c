"""The same workflow by `offizin run` and by `ocrd process` on two copies of a rendered page: the same PAGE and METS."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from lxml import etree

from offizin.demo.book import render_book
from offizin.processors.language_data import VARIABLE, find_tessdata
from offizin.workspaces.image_import import import_images
from tests.acceptance.book_comparison import agents_of, differences, files_of
from tests.acceptance.conftest import OFFIZIN, Workplace

STEPS = [
    "tesserocr-segment -I OCR-D-IMG -O OCR-D-SEG",
    # not in alphabetical order: results keep that of the call
    "tesserocr-recognize -I OCR-D-SEG -O OCR-D-OCR -P textequiv_level word -P model eng",
]

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    return {VARIABLE: str(find_tessdata(["eng"], os.environ))}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one rendered page, to be copied."""
    directory = tmp_path_factory.mktemp("rendered")
    rendered = render_book(directory / "images", 1, seed=1784)
    return import_images([rendered.pages[0].image], directory / "book", identifier="book").mets.parent


@pytest.fixture(scope="module")
def by_reference(page: Path, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace as `ocrd process` leaves it."""
    book = tmp_path_factory.mktemp("reference") / "book"
    shutil.copytree(page, book)
    scripts = str(OFFIZIN.parent)
    subprocess.run(
        [OFFIZIN.parent / "ocrd", "process", *STEPS], cwd=book, check=True, capture_output=True,
        env={**os.environ, **environment, "PATH": f"{scripts}{os.pathsep}{os.environ.get('PATH', os.defpath)}"},
    )  # fmt: skip
    return book


def test_pages_are_the_same_as_those_of_ocrd_process(
    page: Path, by_reference: Path, environment: dict[str, str], workplace: Workplace
) -> None:
    workplace.environment.update(environment)
    for way in ("--page-wise", "--no-page-wise"):
        book = workplace.directory / way
        shutil.copytree(page, book)
        code, _, errors = workplace.offizin("run", book, way, *STEPS)
        assert code == 0, errors
        assert differences(book, by_reference) == []
        assert {file.file_grp for file in files_of(book)} == {"OCR-D-IMG", "OCR-D-SEG", "OCR-D-OCR"}
        assert agents_of(book) == agents_of(by_reference)


def test_the_comparison_sees_what_is_other(by_reference: Path, tmp_path: Path) -> None:
    other = tmp_path / "book"
    shutil.copytree(by_reference, other)
    result = next((other / "OCR-D-OCR").glob("*.xml"))
    tree = etree.parse(result)
    text = next(element for element in tree.iter("{*}Unicode") if element.text)
    text.text = "other"
    tree.write(result)
    assert differences(other, by_reference) == [f"other content: OCR-D-OCR/{result.name}"]
    mets = other / "mets.xml"
    mets.write_text(mets.read_text().replace('MIMETYPE="image/png"', 'MIMETYPE="image/gif"'))
    assert len(differences(other, by_reference)) == 3
