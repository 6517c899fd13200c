"""Where in a document new elements go, in cases that the others do not reach."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from offizin.messages import Agent, Delta, File
from offizin.mets.index import MetsIndex
from offizin.mets.save import save
from tests.conformance.mets.examples import EXAMPLES, PLAIN

METS = "{http://www.loc.gov/METS/}"
HREF = "{http://www.w3.org/1999/xlink}href"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mets.xml"


def saved(path: Path, document: str | bytes, *deltas: Delta) -> etree._Element:
    """The METS element after a save. Index and file agree."""
    path.write_bytes(document.encode() if isinstance(document, str) else document)
    index = MetsIndex.read(path)
    for delta in deltas:
        index.apply(delta)
    save(path, deltas, index.stamp)
    again = MetsIndex.read(path)
    for page in [*index.pages, None]:
        for group in index.file_groups:
            assert again.files(group, page) == index.files(group, page)
    root = etree.parse(path).getroot()
    return root if root.tag == f"{METS}mets" else root.find(f".//{METS}mets")


def a_file(file_id: str, group: str, page: str | None) -> File:
    return File(file_id, group, "text/xml", page, f"{group}/{file_id}.xml")


def pointers(mets: etree._Element, page: str) -> list[list[str]]:
    return [[pointer.get("FILEID") for pointer in div] for div in mets.iter(f"{METS}div") if div.get("ID") == page]


@pytest.mark.parametrize("name", ["bare", "no files", "library", "plain"])
def test_sections_stand_in_the_order_of_the_schema(path: Path, name: str) -> None:
    delta = Delta([a_file("X", "NEW", "new_page")], [Agent("agent_1", "ocrd-x")])
    mets = saved(path, EXAMPLES[name], delta)
    order = ["metsHdr", "dmdSec", "amdSec", "fileSec", "structMap", "structLink", "behaviorSec"]
    sections = [etree.QName(section).localname for section in mets if isinstance(section.tag, str)]
    assert sections == sorted(sections, key=order.index)
    assert {"metsHdr", "fileSec", "structMap"} <= set(sections)


def test_a_page_that_stands_twice_gets_files_where_it_stands_first(path: Path) -> None:
    mets = saved(path, EXAMPLES["wild"], Delta([a_file("X", "NEW", "p1")]))
    assert pointers(mets, "p1") == [["I1", "I1b", "BOOK", "X"], ["I3", "I1"]]


def test_a_page_that_links_a_file_already_does_not_link_it_twice(path: Path) -> None:
    mets = saved(path, EXAMPLES["wild"], Delta([a_file("GONE", "NEW", "p2")]))
    assert pointers(mets, "p2") == [["I2", "BOOK", "GONE"]]


def test_a_file_that_shares_its_id_goes_from_all_its_pages(path: Path) -> None:
    document = PLAIN.replace('<mets:file ID="SEG_2"', '<mets:file ID="IMG_1"').replace(
        'FILEID="IMG_2"', 'FILEID="IMG_1"'
    )
    mets = saved(path, document, Delta([a_file("NEW", "OCR-D-SEG", "PHYS_0001")], overwrite=True))
    ids = {group.get("USE"): [file.get("ID") for file in group] for group in mets.iter(f"{METS}fileGrp")}
    assert ids == {"OCR-D-IMG": ["IMG_1", "IMG_2"], "OCR-D-SEG": ["NEW"]}
    assert pointers(mets, "PHYS_0001") == [["IMG_1", "NEW"]]
    assert pointers(mets, "PHYS_0002") == [["IMG_1", "SEG_2"]]


def test_a_prefix_that_means_something_else_in_a_group_is_not_used(path: Path) -> None:
    document = PLAIN.replace('<mets:fileGrp USE="OCR-D-SEG">', '<mets:fileGrp USE="OCR-D-SEG" xmlns:xlink="urn:other">')
    mets = saved(path, document, Delta([a_file("X", "OCR-D-SEG", "PHYS_0001"), a_file("Y", "OCR-D-IMG", "PHYS_0001")]))
    found = {file.get("ID"): file[0].get(HREF) for file in mets.iter(f"{METS}file")}
    assert found["X"] == "OCR-D-SEG/X.xml"
    assert found["Y"] == "OCR-D-IMG/Y.xml"
    assert found["IMG_1"] == "OCR-D-IMG/1.tif"


def test_a_group_in_two_parts_gets_files_in_the_second(path: Path) -> None:
    mets = saved(path, EXAMPLES["wild"], Delta([a_file("X", "IMG", "p3")]))
    parts = [group for group in mets.iter(f"{METS}fileGrp") if group.get("USE") == "IMG"]
    assert [file.get("ID") for file in parts[1]] == ["I4", "X"]


def test_a_structure_without_sequence_gets_one(path: Path) -> None:
    document = PLAIN[: PLAIN.index('<mets:div TYPE="phys')].rstrip() + "</mets:structMap></mets:mets>"
    mets = saved(path, document, Delta([a_file("X", "NEW", "p1")]))
    [sequence] = mets.find(f"{METS}structMap[@TYPE='PHYSICAL']")
    assert sequence.get("TYPE") == "physSequence"
    assert pointers(mets, "p1") == [["X"]]


def test_nested_pages_get_siblings_beside_the_last(path: Path) -> None:
    document = PLAIN.replace('<mets:div TYPE="page"', '<mets:div TYPE="volume"><mets:div TYPE="page"')
    document = document.replace("      </mets:div>", "      </mets:div></mets:div>")
    mets = saved(path, document, Delta([a_file("X", "NEW", "p9")]))
    [new] = [div for div in mets.iter(f"{METS}div") if div.get("ID") == "p9"]
    assert new.getprevious().get("ID") == "PHYS_0002"


def test_elements_are_indented_like_their_neighbours(path: Path) -> None:
    saved(path, PLAIN.replace("  ", "\t"), Delta([a_file("X", "OCR-D-SEG", "PHYS_0001"), a_file("Y", "NEW", "p9")]))
    text = path.read_text()
    assert (
        '\n\t\t\t<mets:file ID="X" MIMETYPE="text/xml">\n\t\t\t\t<mets:FLocat LOCTYPE="OTHER" OTHERLOCTYPE="FILE"'
        ' xlink:href="OCR-D-SEG/X.xml"/>\n\t\t\t</mets:file>\n\t\t</mets:fileGrp>\n'
        '\t\t<mets:fileGrp USE="NEW">\n\t\t\t<mets:file ID="Y"'
    ) in text
    assert '<mets:fptr FILEID="IMG_1"/>\n\t\t\t\t<mets:fptr FILEID="X"/>\n\t\t\t</mets:div>\n' in text
    assert '\n\t\t\t<mets:div TYPE="page" ID="p9">\n\t\t\t\t<mets:fptr FILEID="Y"/>\n\t\t\t</mets:div>\n' in text


def test_what_is_overwritten_leaves_no_trace(path: Path) -> None:
    before = Delta([a_file("A", "OCR", "PHYS_0001"), a_file("B", "OCR", "PHYS_0001"), a_file("C", "OCR", "PHYS_0002")])
    after = Delta([a_file("D", "OCR", "PHYS_0001"), a_file("C", "OCR", "PHYS_0002")], overwrite=True)
    saved(path, PLAIN, before, after)
    replaced = path.read_bytes()
    saved(path, PLAIN, Delta([a_file("C", "OCR", "PHYS_0002"), a_file("D", "OCR", "PHYS_0001")]))
    assert path.read_bytes() == replaced
    path.write_text(PLAIN)
    stamp = save(path, [before], MetsIndex.read(path).stamp)
    save(path, [after], stamp)
    assert path.read_bytes() == replaced
