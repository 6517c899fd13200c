"""`offizin run` on its own: from images to results, and what it tells when something is wrong."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from offizin.mets.index import MetsIndex
from tests.acceptance.conftest import Workplace

TWO_STEPS = ("dummy -I OCR-D-IMG -O S1", "dummy -I S1 -O S2")


def has_results(mets: Path, group: str) -> list[str]:
    """The pages that have a file in this group, in METS and on disk."""
    index = MetsIndex.read(mets)
    return [
        page
        for page in index.pages
        if any((index.directory / (file.local_filename or "?")).is_file() for file in index.files(group, page))
    ]


def test_images_are_imported_and_a_workflow_is_run_on_them(workplace: Workplace) -> None:
    scans = workplace.directory / "Bücher ſ 1"
    scans.mkdir()
    for number in (1, 2, 10):
        Image.new("L", (60, 80), 255).save(scans / f"seite{number}.png", dpi=(300, 300))
    code, told, _ = workplace.offizin("import", scans, "-o", "mein Buch")
    assert (code, "3 pages in" in told) == (0, True)

    workflow = workplace.directory / "workflow.txt"
    workflow.write_text("# two steps\n" + "\n".join(TWO_STEPS) + "\n")
    code, told, errors = workplace.offizin("run", "mein Buch", "-w", workflow)
    assert code == 0, errors
    mets = workplace.directory / "mein Buch" / "mets.xml"
    pages = ["PHYS_0001", "PHYS_0002", "PHYS_0003"]
    assert has_results(mets, "S1") == has_results(mets, "S2") == pages
    assert "SUCCESS" in told
    assert "2  ocrd-dummy  S1 → S2" in told
    assert "Results: S1, S2 in" in told
    assert "2 dummy: 3/3, over" in errors

    code, told, _ = workplace.offizin("run", "mein Buch", "-w", workflow)
    assert (code, "6 jobs skipped" in told) == (0, True)


def test_chosen_pages_only(workplace: Workplace) -> None:
    mets = workplace.book(5)
    code, told, _ = workplace.offizin("run", mets, TWO_STEPS[0], "-g", "P2..P4,~P3", "--json")
    assert code == 0
    result = json.loads(told)
    assert result["run"]["steps"][0]["counts"] == {"SUCCESS": 2}
    assert has_results(mets, "S1") == ["P2", "P4"]


def test_a_page_that_fails_is_told_and_can_be_done_again(workplace: Workplace) -> None:
    mets = workplace.book(3)
    image = mets.parent / "OCR-D-IMG" / "IMG_2.png"
    good = image.read_bytes()
    image.write_bytes(b"no image")
    code, told, _ = workplace.offizin("run", mets, *TWO_STEPS)
    assert code == 1
    assert "FAILED" in told
    assert "step 1 ocrd-dummy, page P2: BAD_IMAGE" in told
    assert "cannot identify image file 'OCR-D-IMG/IMG_2.png'" in told
    assert "offizin retry " in told
    assert has_results(mets, "S2") == ["P1", "P3"]

    job = next(line.split()[2] for line in told.splitlines() if line.strip().startswith("offizin logs"))
    code, log, _ = workplace.offizin("logs", job)
    assert (code, "UnidentifiedImageError" in log) == (0, True)
    code, told, _ = workplace.offizin("status", "last")
    assert (code, "page P2: BAD_IMAGE" in told) == (0, True)

    image.write_bytes(good)
    code, told, errors = workplace.offizin("retry", "last")
    assert (code, "2 jobs again of 6" in errors) == (0, True)
    assert has_results(mets, "S2") == ["P1", "P2", "P3"]


def test_in_a_run_of_many_pages_a_job_the_failed_page_is_named(workplace: Workplace) -> None:
    mets = workplace.book(4)
    step = "scripted -I OCR-D-IMG -O S1 -P mode fail -P where P3"
    code, told, _ = workplace.offizin("run", mets, step, "--no-page-wise")
    assert code == 1
    assert "step 1 ocrd-scripted, page P3: EXCEPTION" in told
    assert "the ink is too pale" in told
    assert "1  ocrd-scripted  OCR-D-IMG → S1     3       1          0" in told
    assert has_results(mets, "S1") == ["P1", "P2", "P4"]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("nowhere", "dummy -I OCR-D-IMG -O S1"), 3, "there is no METS at"),
        (("book", "nothing -I OCR-D-IMG -O S1"), 2, "there is no processor ocrd-nothing"),
        (("book", "dummy -I OCR-D-IMG -O S1 -P colour red"), 2, "there is no parameter colour"),
        (("book", "dummy -I OCR-D-IMG -O S1", "-g", "P9"), 2, "there is no page 'P9'"),
        (("book", "dummy -I SCANS -O S1"), 2, "the input file group SCANS"),
        (("book", "dummy -I OCR-D-IMG -O S1", "dummy -I"), 2, "line 2: -I has no"),
        (("book",), 2, "no workflow is given"),
        (("book", "-w", "missing.txt"), 3, "missing.txt cannot be read"),
        (("book", "dummy -I OCR-D-IMG -O S1", "--no-wait"), 2, "--no-wait needs a server"),
        (("book", "dummy -I OCR-D-IMG -O S1", "--server", "http://127.0.0.1:9"), 5, "no server answers at"),
    ],
)
def test_what_is_wrong_is_told_in_two_lines_with_its_exit_code(
    workplace: Workplace, arguments: tuple[str, ...], code: int, told: str
) -> None:
    workplace.book(1)
    ended, output, errors = workplace.offizin("run", *arguments)
    assert (ended, output) == (code, "")
    assert errors.startswith("Error: ")
    assert told in errors
    assert [line.split(":")[0] for line in errors.splitlines()] == ["Error", "Hint"]


def test_books_and_pages_of_any_name_are_worked_on(workplace: Workplace) -> None:
    """Spaces, quotes, letters beyond ASCII, page ids that are numbers, look like ranges or have odd characters."""
    pages = ["1", "P..2", "ſ-3.ä"]
    for name, way in (("Bücher/ſ 1", "--page-wise"), ('it\'s "quoted" $HOME & so on', "--no-page-wise")):
        mets = workplace.book(3, name)
        text = mets.read_text()
        for number, page in enumerate(pages, start=1):
            text = text.replace(f'ID="P{number}"', f'ID="{page}"')
        mets.write_text(text)
        code, told, errors = workplace.offizin("run", mets.parent, way, TWO_STEPS[0])
        assert code == 0, told + errors
        assert has_results(mets, "S1") == pages


def test_a_workspace_that_cannot_be_written_is_refused(workplace: Workplace) -> None:
    mets = workplace.book(1)
    with read_only(mets.parent):
        code, told, errors = workplace.offizin("run", mets, TWO_STEPS[0])
        assert (code, told) == (2, "")
        assert f"the workspace {mets.parent} cannot be written" in errors
        assert "Hint: " in errors
    assert workplace.offizin("run", mets, TWO_STEPS[0])[0] == 0


@contextmanager
def read_only(directory: Path) -> Iterator[None]:
    """For root, whom no mode stops, by the attribute of the file system; skips where there is none."""
    directory.chmod(0o555)
    immutable = os.access(directory, os.W_OK)
    if immutable:
        subprocess.run([shutil.which("chattr") or "false", "+i", directory], capture_output=True, check=False)
        if os.access(directory, os.W_OK):
            pytest.skip("this user may write everywhere on this file system")
    try:
        yield
    finally:
        if immutable:
            subprocess.run(["chattr", "-i", directory], check=True)
        directory.chmod(0o755)
