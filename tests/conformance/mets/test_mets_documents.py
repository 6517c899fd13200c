"""Real-looking METS survive: what is added is there, and nothing else changes by a byte."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from offizin.messages import Agent, Delta, File
from offizin.mets.index import MetsIndex
from offizin.mets.save import save
from tests.conformance.mets.examples import EXAMPLES

METS = "{http://www.loc.gov/METS/}"
AGENT = Agent("offizin_1", "ocrd-x v1", "processing/ocr", [("input-file-grp", "A & <B>"), ("parameter", '{"a": "ü"}')])


@pytest.fixture(params=sorted(EXAMPLES))
def mets(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "mets.xml"
    path.write_bytes(EXAMPLES[request.param])
    return path


def additions(index: MetsIndex) -> list[Delta]:
    """New files in old and new groups, on old and new pages and none; two saves' worth, and an agent."""
    groups = [*index.file_groups, "NEW-1", "NEW-2"]
    pages: list[str | None] = [*index.pages, "new_page", None]
    files = [
        File(f"X_{g}_{p}_{name}", group, mimetype, page, f"{group}/{p}ſ&'\".xml", url)
        for name, mimetype, url in (("a", "text/xml", None), ("b", "", "https://x.org/?a=1&b=2"))
        for g, group in enumerate(groups)
        for p, page in enumerate(pages)
    ]
    return [Delta(files[::2], [AGENT]), Delta(files[1::2], [AGENT, Agent("offizin_2", "ocrd-y")])]


def everything(index: MetsIndex) -> tuple[object, ...]:
    slice_ = index.slice(index.pages, with_files_without_page=True)
    return slice_, index.pages, index.file_groups, [index.by_id(file.id) for file in slice_.files]


def is_subsequence(part: bytes, whole: bytes) -> bool:
    rest = iter(whole)
    return all(byte in rest for byte in part)


def test_the_index_with_the_deltas_is_what_is_read_after_the_save(mets: Path) -> None:
    index = MetsIndex.read(mets)
    for delta in additions(index):
        index.apply(delta)
        index.stamp = save(mets, [delta], index.stamp)
    again = MetsIndex.read(mets)
    assert everything(again) == everything(index)
    assert again.stamp == index.stamp
    if index.stamp.layout is not None:
        assert again.stamp.layout == index.stamp.layout


def test_several_deltas_in_one_save_are_the_same_as_one_by_one(mets: Path) -> None:
    original = mets.read_bytes()
    stamp = MetsIndex.read(mets).stamp
    deltas = additions(MetsIndex.read(mets))
    save(mets, deltas, stamp)
    at_once = mets.read_bytes()
    mets.write_bytes(original)
    for delta in deltas:
        stamp = save(mets, [delta], stamp)
    one_by_one = MetsIndex.read(mets)
    mets.write_bytes(at_once)
    assert everything(MetsIndex.read(mets)) == everything(one_by_one)


def test_every_byte_that_was_there_is_still_there(mets: Path) -> None:
    original = mets.read_bytes()
    index = MetsIndex.read(mets)
    save(mets, additions(index), index.stamp)
    written = mets.read_bytes()
    if b"utf-16" not in original[:200].replace(b"\0", b"").lower():
        # an element in the short form is opened
        for name in (
            b'<fileGrp USE="FULLTEXT"   />',
            b'<div ID="PHYS_0003" ORDER="3" TYPE="page"/>',
            b'METS/"/>',
            b'"I3"/>',
        ):
            original = original.replace(name, name.rstrip(b"/>").rstrip() + b">")
        assert is_subsequence(original, written)


def test_without_what_was_added_it_is_canonically_the_original(mets: Path) -> None:
    original = etree.fromstring(mets.read_bytes()).getroottree()
    index = MetsIndex.read(mets)
    save(mets, additions(index), index.stamp)
    tree = etree.parse(mets)
    known = {signature(element) for element in original.iter()}
    for element in list(tree.iter()):
        parent = element.getparent()
        if parent is not None and signature(element) not in known:
            parent.remove(element)
    assert canonical(tree) == canonical(original)


def signature(element: etree._Element) -> object:
    return (element.tag, tuple(sorted(element.attrib.items()))) if isinstance(element.tag, str) else element.text


def canonical(tree: etree._ElementTree) -> bytes:
    for element in tree.iter():
        element.tail = element.tail if element.tail and element.tail.strip() else None
        if isinstance(element.tag, str) and element.text and not element.text.strip():
            element.text = None
    return etree.tostring(tree, method="c14n", with_comments=True)


def test_saving_again_changes_nothing(mets: Path) -> None:
    index = MetsIndex.read(mets)
    deltas = additions(index)
    stamp = save(mets, deltas, index.stamp)
    before = mets.stat()
    assert save(mets, deltas, stamp) == stamp
    assert (mets.stat().st_ino, mets.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_without_a_remembered_layout_the_result_is_the_same(mets: Path) -> None:
    original = mets.read_bytes()
    index = MetsIndex.read(mets)
    deltas = additions(index)
    save(mets, deltas, index.stamp)
    quick = mets.read_bytes()
    mets.write_bytes(original)
    save(mets, deltas, MetsIndex.read(mets).stamp.with_layout(None))
    assert mets.read_bytes() == quick
