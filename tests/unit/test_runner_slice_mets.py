"""The METS that a processor sees in a runner answers as ocrd_models.OcrdMets does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ocrd.mets_server import ClientSideOcrdMets
from ocrd_models import ClientSideOcrdFile, OcrdMets

from offizin.runner.channel import DeadlinePassed
from offizin.runner.slice_mets import SliceMets

GROUPS = ["OCR-D-IMG", "OCR-D-BIN", "OCR-D-OCR"]
PAGES = ["PHYS_0001", "PHYS_0002", "PHYS_0003", "PHYS_0004"]
MIMETYPES = ["image/png", "image/tiff", "application/vnd.prima.page+xml"]

# an ID is unique in the whole document (it is an XML ID), so each belongs to one group
ids = {f"FILE_{number}": GROUPS[number % len(GROUPS)] for number in range(9)}
files = st.fixed_dictionaries(
    {"ID": st.sampled_from(list(ids))},
    optional={
        "pageId": st.sampled_from(PAGES),
        "mimetype": st.sampled_from(MIMETYPES),
        "local_filename": st.sampled_from(["a/1.png", "a/2.png", "b.xml"]),
        "url": st.sampled_from(["https://example.org/1.png", "https://example.org/2.png"]),
    },
).map(lambda file: {**file, "fileGrp": ids[file["ID"]]})
documents = st.lists(files, max_size=10, unique_by=lambda file: file["ID"])
page_tokens = st.sampled_from([*PAGES, "PHYS_0002..PHYS_0003", "//PHYS_000[13]", "PHYS_0009", "PHYS_0003..PHYS_0012"])
page_selectors = st.lists(
    st.builds(lambda sign, token: sign + token, st.sampled_from(["", "", "~"]), page_tokens), min_size=1, max_size=3
).map(",".join)
filters = st.fixed_dictionaries(
    {},
    optional={
        "ID": st.sampled_from(["FILE_1", "FILE_2", "//FILE_[0-3]", "//FILE", "nothing"]),
        "fileGrp": st.sampled_from([*GROUPS, "//OCR-D-.*", "//OCR-D", "none"]),
        "pageId": st.one_of(page_selectors, st.sampled_from(["", "~", "//"])),
        "mimetype": st.sampled_from([*MIMETYPES, "//image/.*", "//image"]),
        "url": st.sampled_from(["https://example.org/1.png", "//https://.*", "//example"]),
        "local_filename": st.sampled_from(["a/1.png", "b.xml", "//.*"]),
        "local_only": st.booleans(),
        "include_fileGrp": st.lists(st.sampled_from(GROUPS), max_size=2),
        "exclude_fileGrp": st.lists(st.sampled_from(GROUPS), max_size=2),
    },
)


def as_oracle(document: list[dict[str, Any]]) -> OcrdMets:
    oracle = OcrdMets.empty_mets()
    for file in document:
        oracle.add_file(**file)
    return oracle


def as_slice(oracle: OcrdMets) -> SliceMets:
    fields = [
        {
            "id": file.ID,
            "file_grp": file.fileGrp,
            "mimetype": file.mimetype or "",
            "page_id": file.pageId,
            "local_filename": file.local_filename,
            "url": file.url or None,
        }
        for file in oracle.find_files()
    ]
    return SliceMets({"pages": oracle.physical_pages, "files": fields, "file_groups": oracle.file_groups}, "/book")


def seen(found: Any) -> list[tuple[Any, ...]]:
    return [(f.ID, f.fileGrp, f.mimetype or "", f.pageId, f.local_filename, f.url or "") for f in found]


@settings(max_examples=200, deadline=None)
@given(documents, filters)
def test_it_finds_what_the_reference_finds(document: list[dict[str, Any]], wanted: dict[str, Any]) -> None:
    oracle = as_oracle(document)
    mets = as_slice(oracle)
    try:
        expected = seen(oracle.find_files(**wanted))
    except ValueError:
        with pytest.raises((ValueError, NotImplementedError)):
            mets.find_all_files(**wanted)
    else:
        assert seen(mets.find_files(**wanted)) == expected
        assert mets.missing_attribute == ""


additions = st.builds(lambda file, how: {**file, **how}, files, st.sampled_from([{}, {}, {"force": True}]))


@settings(max_examples=100, deadline=None)
@given(documents, st.lists(additions, max_size=6))
def test_it_takes_and_refuses_what_the_reference_takes_and_refuses(
    document: list[dict[str, Any]], new: list[dict[str, Any]]
) -> None:
    oracle = as_oracle(document)
    mets = as_slice(oracle)
    for file in new:
        try:
            oracle.add_file(**file)
        except FileExistsError:
            with pytest.raises(FileExistsError):
                mets.add_file(file["fileGrp"], **{k: v for k, v in file.items() if k != "fileGrp"})
        else:
            mets.add_file(file["fileGrp"], **{k: v for k, v in file.items() if k != "fileGrp"})
        # the reference makes the group before it refuses the file, and drops pages that are empty for a moment
        assert sorted(seen(mets.find_files()), key=str) == sorted(seen(oracle.find_files()), key=str)
        assert set(mets.physical_pages) == set(oracle.physical_pages)
        assert set(mets.file_groups) <= set(oracle.file_groups)


@pytest.mark.parametrize(
    ("group", "arguments"),
    [("OCR-D-OCR", {}), ("", {"ID": "F"}), ("OCR-D-OCR", {"ID": "1F"}), ("OCR D", {"ID": "F"})],
)
def test_ids_and_groups_that_are_no_xml_ids_are_refused(group: str, arguments: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        as_slice(OcrdMets.empty_mets()).add_file(group, **arguments)


def test_it_passes_for_the_reference_s_remote_mets() -> None:
    mets = as_slice(as_oracle([{"ID": "F", "fileGrp": "OCR-D-IMG", "pageId": "PHYS_0001"}]))
    assert isinstance(mets, ClientSideOcrdMets)
    assert all(isinstance(file, ClientSideOcrdFile) for file in mets.find_files())
    assert mets.workspace_path == "/book"
    mets.save()
    mets.reload()


def test_an_attribute_that_the_slice_lacks_is_noted_and_refused() -> None:
    mets = as_slice(OcrdMets.empty_mets())
    with pytest.raises(NotImplementedError):
        _ = mets.physical_pages_labels
    assert mets.missing_attribute == "physical_pages_labels"


@pytest.mark.parametrize("selector", ["PHYS_0002", "logical:chapter", "physical:ORDER:2", "PHYS_0002..PHYS_0003"])
def test_a_page_outside_the_slice_needs_the_whole_mets(selector: str) -> None:
    mets = as_slice(as_oracle([{"ID": "F", "fileGrp": "OCR-D-IMG", "pageId": "PHYS_0001"}]))
    with pytest.raises(NotImplementedError):
        mets.find_all_files(pageId=selector)
    assert selector in mets.missing_attribute


def test_what_was_added_is_found_and_recorded() -> None:
    mets = as_slice(as_oracle([{"ID": "F", "fileGrp": "OCR-D-IMG", "pageId": "PHYS_0001"}]))
    file = mets.add_file("OCR-D-BIN", ID="G", pageId="PHYS_0001", mimetype="image/png")
    assert mets.find_all_files(ID="G", pageId="PHYS_0001") == [file]
    assert mets.file_groups == ["OCR-D-IMG", "OCR-D-BIN"]
    assert list(mets.added.values()) == [file]


def test_nothing_is_added_when_the_check_refuses() -> None:
    def refuse() -> None:
        raise DeadlinePassed

    mets = SliceMets({"pages": [], "files": []}, "/book", refuse)
    with pytest.raises(DeadlinePassed):
        mets.add_file("OCR-D-BIN", ID="G")
    assert mets.find_all_files() == []
