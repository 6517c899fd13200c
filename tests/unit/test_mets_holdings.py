"""The rules by which a delta changes what a METS holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from offizin.messages import Agent, Delta, File
from offizin.mets.holdings import Holdings
from offizin.mets.scan import Scan
from tests.conformance.mets.examples import PLAIN, WILD


def holdings(document: str) -> Holdings:
    return Holdings(Scan(document.encode(), Path("mets.xml")).contents())


@pytest.fixture
def plain() -> Holdings:
    return holdings(PLAIN)


@pytest.fixture
def wild() -> Holdings:
    return holdings(WILD)


def file(file_id: str, file_grp: str, page_id: str | None, **more: str) -> File:
    return File(file_id, file_grp, "text/xml", page_id, f"{file_grp}/{file_id}.xml", **more)


def ids(found: Holdings, file_grp: str, page_id: str | None) -> list[str]:
    return [each.id for each in found.files(file_grp, page_id)]


def test_look_ups(plain: Holdings) -> None:
    assert plain.pages == ["PHYS_0001", "PHYS_0002"]
    assert plain.file_groups == ["OCR-D-IMG", "OCR-D-SEG"]
    assert ids(plain, "OCR-D-SEG", "PHYS_0002") == ["SEG_2"]
    assert ids(plain, "OCR-D-SEG", "PHYS_0001") == []
    assert ids(plain, "nowhere", "PHYS_0001") == ids(plain, "OCR-D-IMG", "nowhere") == []
    assert plain.has_files("OCR-D-SEG", "PHYS_0002")
    assert not plain.has_files("OCR-D-SEG", "PHYS_0001")
    found = plain.by_id("SEG_2")
    assert found is not None
    assert found.local_filename == "OCR-D-SEG/2.xml"
    assert plain.by_id("nothing") is None


def test_a_slice_has_all_groups_of_its_pages(plain: Holdings) -> None:
    part = plain.slice(["PHYS_0002"])
    assert [each.id for each in part.files] == ["IMG_2", "SEG_2"]
    assert part.pages == ["PHYS_0002"]
    assert part.file_groups == ["OCR-D-IMG", "OCR-D-SEG"]
    assert part.unique_identifier == "http://example.org/kant"


def test_a_slice_goes_group_by_group(plain: Holdings) -> None:
    assert [each.id for each in plain.slice(["PHYS_0001", "PHYS_0002"]).files] == ["IMG_1", "IMG_2", "SEG_2"]


def test_files_without_page_come_when_asked_for(wild: Holdings) -> None:
    assert "LOOSE" not in [each.id for each in wild.slice(wild.pages).files]
    assert [each.id for each in wild.slice([], with_files_without_page=True).files] == ["LOOSE"]


def test_a_slice_is_not_changed_by_what_comes_later(plain: Holdings) -> None:
    part = plain.slice(["PHYS_0001"])
    plain.apply(Delta([file("NEW", "NEW", "PHYS_0001")]))
    assert [each.id for each in part.files] == ["IMG_1"]
    assert part.file_groups == ["OCR-D-IMG", "OCR-D-SEG"]


def test_a_delta_brings_files_groups_and_pages(plain: Holdings) -> None:
    plain.apply(Delta([file("N1", "NEW", "PHYS_0001"), file("N2", "OCR-D-IMG", "p9"), file("N3", "NEW", None)]))
    assert plain.pages == ["PHYS_0001", "PHYS_0002", "p9"]
    assert "p9" in plain.page_set
    assert plain.file_groups == ["OCR-D-IMG", "OCR-D-SEG", "NEW"]
    assert ids(plain, "NEW", "PHYS_0001") == ["N1"]
    assert ids(plain, "NEW", None) == ["N3"]
    assert [each.id for each in plain.slice(["p9"]).files] == ["N2"]


def test_size_and_digest_are_not_kept_because_a_mets_does_not_have_them(plain: Holdings) -> None:
    plain.apply(Delta([File("N1", "NEW", page_id="PHYS_0001", local_filename="x", size=3, digest="00")]))
    assert plain.by_id("N1") == File("N1", "NEW", page_id="PHYS_0001", local_filename="x")


def test_what_is_there_stays_as_it_is(plain: Holdings) -> None:
    before = plain.by_id("IMG_1")
    plain.apply(Delta([file("IMG_1", "OCR-D-IMG", "PHYS_0001")]))
    assert plain.files("OCR-D-IMG", "PHYS_0001") == (before,)


def test_overwrite_replaces_what_the_pages_have_in_these_groups_and_nothing_else(plain: Holdings) -> None:
    plain.apply(Delta([file("L1", "OCR-D-SEG", "PHYS_0002"), file("S1", "OCR-D-SEG", "PHYS_0001")]))
    plain.apply(Delta([file("SEG_2", "OCR-D-SEG", "PHYS_0002"), file("N", "NEW", "PHYS_0001")], overwrite=True))
    assert ids(plain, "OCR-D-SEG", "PHYS_0002") == ["SEG_2"]
    found = plain.by_id("SEG_2")
    assert found is not None
    assert found.local_filename == "OCR-D-SEG/SEG_2.xml"
    assert plain.by_id("L1") is None
    assert ids(plain, "OCR-D-SEG", "PHYS_0001") == ["S1"]
    assert ids(plain, "OCR-D-IMG", "PHYS_0002") == ["IMG_2"]


def test_overwriting_may_leave_a_page_without_files_in_a_group(plain: Holdings) -> None:
    new = [file("NEW", "OCR-D-SEG", "PHYS_0001")]
    plain.apply(Delta(new, overwrite=True, empties=[("OCR-D-IMG", "PHYS_0001")]))
    assert ids(plain, "OCR-D-SEG", "PHYS_0001") == ["NEW"]
    assert not plain.has_files("OCR-D-IMG", "PHYS_0001")
    assert plain.has_files("OCR-D-IMG", "PHYS_0002")


def test_overwriting_with_the_same_is_no_change(plain: Holdings) -> None:
    delta = Delta([file("A", "NEW", "PHYS_0001"), file("B", "NEW", "PHYS_0001")], overwrite=True)
    plain.apply(delta)
    before = plain.files("NEW", "PHYS_0001")
    plain.apply(delta)
    assert plain.files("NEW", "PHYS_0001") == before


def test_overwriting_files_without_page(wild: Holdings) -> None:
    wild.apply(Delta([file("NEW", "PDF", None)], overwrite=True))
    assert ids(wild, "PDF", None) == ["NEW"]
    assert ids(wild, "PDF", "p1") == ["BOOK"]


def test_a_file_of_several_pages_is_only_taken_off_the_page_that_is_replaced(wild: Holdings) -> None:
    wild.apply(Delta([file("NEW", "PDF", "p1")], overwrite=True))
    assert ids(wild, "PDF", "p1") == ["NEW"]
    assert ids(wild, "PDF", "p2") == ["BOOK"]
    found = wild.by_id("BOOK")
    assert found is not None
    assert found.page_id == "p2"


def test_a_pointer_to_nothing_gets_its_file(wild: Holdings) -> None:
    assert list(wild.dangling("GONE")) == ["p2"]
    wild.apply(Delta([file("GONE", "IMG", "p2")]))
    assert ids(wild, "IMG", "p2") == ["I2", "GONE"]
    assert list(wild.dangling("GONE")) == []


def test_the_same_id_in_two_groups(plain: Holdings) -> None:
    twice = PLAIN.replace('ID="SEG_2"', 'ID="IMG_2"').replace('FILEID="SEG_2"', 'FILEID="x"')
    found = holdings(twice)
    assert [each.file_grp for each in found.all_by_id("IMG_2")] == ["OCR-D-IMG", "OCR-D-SEG"]
    first = found.by_id("IMG_2")
    assert first is not None
    assert first.file_grp == "OCR-D-IMG"
    found.apply(Delta([file("NEW", "OCR-D-SEG", "PHYS_0002")], overwrite=True))
    assert [each.file_grp for each in found.all_by_id("IMG_2")] == ["OCR-D-IMG"]
    assert ids(found, "OCR-D-SEG", "PHYS_0002") == ["NEW"]


def test_agents_ids_are_known(plain: Holdings) -> None:
    plain.apply(Delta(agents=[Agent("agent_1", "ocrd-x")]))
    assert "agent_1" in plain.other_ids


def test_many_files_of_one_page_and_group_take_linear_time(plain: Holdings) -> None:
    lines = [file(f"L{n}", "LINES", "PHYS_0001") for n in range(20_000)]
    plain.apply(Delta(lines))
    plain.apply(Delta(lines[1:], overwrite=True))
    assert len(plain.files("LINES", "PHYS_0001")) == 19_999
