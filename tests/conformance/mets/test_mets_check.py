"""What a processor wants to add is looked at before anything is committed."""

from __future__ import annotations

from pathlib import Path

import pytest

from offizin.errors import BadOutput
from offizin.messages import Delta, File
from offizin.mets.index import MetsIndex
from tests.conformance.mets.examples import EXAMPLES

PAGES, GROUPS = ["p1"], ["OCR", "IMG"]
GOOD = File("OCR_1", "OCR", "text/xml", "p1", "OCR/1.xml", size=5)


@pytest.fixture
def index(tmp_path: Path) -> MetsIndex:
    path = tmp_path / "mets.xml"
    path.write_bytes(EXAMPLES["wild"].replace(b"<mets:fileSec>", b'<mets:dmdSec ID="DMD"/><mets:fileSec>'))
    (tmp_path / "OCR").mkdir()
    (tmp_path / "OCR" / "1.xml").write_text("<xml>"[:5])
    (tmp_path / "OCR" / "ü 2.xml").write_text("")
    (tmp_path.parent / "outside.xml").write_text("")
    return MetsIndex.read(path)


def check(index: MetsIndex, *files: File, overwrite: bool = False) -> None:
    index.check(Delta(list(files), overwrite=overwrite), pages=PAGES, file_grps=GROUPS)


def changed(**changes: str | int | None) -> File:
    fields = {name: getattr(GOOD, name) for name in GOOD.__struct_fields__}
    return File(**{**fields, **changes})


@pytest.mark.parametrize(
    "file",
    [
        GOOD,
        changed(size=None),
        changed(page_id=None),
        changed(local_filename="./OCR/../OCR/1.xml"),
        changed(id="_ü.-1", local_filename="OCR/ü 2.xml", size=0),
        changed(local_filename=None, url="https://x.org/1", size=None),
    ],
)
def test_what_fits_is_let_through(index: MetsIndex, file: File) -> None:
    check(index, file)
    check(index, file, file)


def test_an_absolute_path_into_the_workspace_fits(index: MetsIndex) -> None:
    check(index, changed(local_filename=str(index.directory / "OCR" / "1.xml")))


@pytest.mark.parametrize(
    ("file", "says"),
    [
        (changed(id="1"), "'1' in OCR is not an xs:ID"),
        (changed(id=""), "not an xs:ID"),
        (changed(id="a b"), "not an xs:ID"),
        (changed(id="a\n"), "not an xs:ID"),
        (changed(file_grp="O/CR"), "'O/CR' .*well-formed"),
        (changed(file_grp="PDF"), r"added to PDF, which is no output group of the job \(IMG, OCR\)"),
        (changed(page_id="p2"), "page p2, which is not one of the job's"),
        (changed(id="I2"), "I2 is used already, by a file in IMG of page p2"),
        (changed(id="LOOSE"), "LOOSE is used already, by a file in PDF of no page"),
        (changed(id="BOOK"), "BOOK is used already"),
        (changed(id="N1"), "N1 is used already, by a file in INNER"),
        (changed(id="DMD"), "DMD is used already, by another element"),
        (changed(id="p3"), "p3 is used already, by another element"),
        (changed(id="GONE"), "GONE is used already: page p2 links it"),
        (changed(id="I1", file_grp="IMG"), "I1 is used already, by another file of the same group and page"),
        (changed(local_filename=None), "neither a path nor a URL"),
        (changed(local_filename="OCR/2.xml"), r"not on disk: .*OCR/2\.xml"),
        (changed(local_filename="OCR/\0.xml"), "XML cannot hold"),
        (changed(local_filename="OCR/\udcff.xml"), "XML cannot hold"),
        (changed(local_filename="OCR"), "no plain file"),
        (changed(local_filename="../outside.xml"), "leaves the workspace"),
        (changed(local_filename="OCR/../../outside.xml"), "leaves the workspace"),
        (changed(local_filename="/etc/passwd"), "leaves the workspace"),
        (changed(local_filename="."), "leaves the workspace"),
        (changed(size=6), "has 5 bytes on disk, not 6 as written"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(index: MetsIndex, file: File, says: str) -> None:
    with pytest.raises(BadOutput, match=says):
        check(index, file)


def test_two_files_of_one_id_are_refused(index: MetsIndex) -> None:
    with pytest.raises(BadOutput, match="OCR_1 is added twice, in OCR and in IMG"):
        check(index, GOOD, changed(file_grp="IMG"))


def test_a_file_that_is_there_fits_if_it_is_the_same_or_is_to_be_replaced(index: MetsIndex) -> None:
    index.apply(Delta([GOOD]))
    check(index, GOOD)
    other = changed(local_filename="OCR/ü 2.xml", size=0)
    with pytest.raises(BadOutput, match="same group and page"):
        check(index, other)
    check(index, other, overwrite=True)
    with pytest.raises(BadOutput, match="by a file in OCR of page p1"):
        check(index, changed(file_grp="IMG"), overwrite=True)


def test_a_path_of_a_sibling_with_the_same_beginning_leaves_the_workspace(index: MetsIndex) -> None:
    sibling = index.directory.with_name(index.directory.name + "2")
    sibling.mkdir()
    (sibling / "1.xml").write_text("")
    with pytest.raises(BadOutput, match="leaves"):
        check(index, changed(local_filename=f"../{sibling.name}/1.xml", size=0))
