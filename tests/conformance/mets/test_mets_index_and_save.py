"""Index and save agree: what is read after a save is the index with the deltas applied, whatever the document was."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from offizin.messages import Agent, Delta, File
from offizin.mets.index import MetsIndex
from offizin.mets.save import save
from tests.conformance.mets.examples import PLAIN

GROUPS = ["IMG", "SEG", "OCR"]
PAGES = ["p1", "p2", "p3"]
METS = "{http://www.loc.gov/METS/}"


@st.composite
def documents(draw: st.DrawFn) -> str:
    """METS with all that goes wrong: IDs in several groups, pages twice, pointers to nothing, sections missing."""
    prefix = draw(st.sampled_from(["mets:", "m:", ""]))
    newline = draw(st.sampled_from(["\n", "\r\n", ""]))
    unit = draw(st.sampled_from(["  ", "\t", ""])) if newline else ""
    declares_xlink = draw(st.booleans())
    ids = st.sampled_from(["A", "B", "C", "D", "E"])

    def element(depth: int, name: str, attributes: str, children: list[str], short: bool) -> str:
        inner, outer = newline + unit * (depth + 1), newline + unit * depth
        if not children:
            return f"<{prefix}{name}{attributes}/>" if short else f"<{prefix}{name}{attributes}></{prefix}{name}>"
        return f"<{prefix}{name}{attributes}>{''.join(inner + c for c in children)}{outer}</{prefix}{name}>"

    def a_file(file_id: str) -> str:
        href = "xlink:href" if declares_xlink else 'xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href'
        kind = draw(st.sampled_from(['LOCTYPE="URL"', 'LOCTYPE="OTHER" OTHERLOCTYPE="FILE"']))
        location = element(4, "FLocat", f' {kind} {href}="{draw(st.sampled_from(["x/1", "y/2"]))}"', [], True)
        return element(3, "file", f' ID="{file_id}"', draw(st.sampled_from([[location], []])), draw(st.booleans()))

    def a_group(use: str) -> str:
        children = [a_file(file_id) for file_id in draw(st.lists(ids, max_size=4))]
        if children and draw(st.booleans()):
            children.append("<!-- > -->")
        return element(2, "fileGrp", f' USE="{use}"', children, draw(st.booleans()))

    def a_page(page_id: str) -> str:
        # to files that may be added later; one that is another page's would be refused by the check
        linked_ids = st.one_of(ids, st.sampled_from([f"N_IMG_{page_id}_0", f"N_NEW_{page_id}_1"]))
        pointers = [
            element(4, "fptr", f' FILEID="{i}"', [], draw(st.booleans()))
            for i in draw(st.lists(linked_ids, max_size=4))
        ]
        return element(3, "div", f' TYPE="page" ID="{page_id}"', pointers, draw(st.booleans()))

    sections = []
    if draw(st.booleans()):
        agents = [element(2, "agent", "", [element(3, "name", "", [], False)], True)] * draw(st.integers(0, 2))
        sections.append(element(1, "metsHdr", "", agents, draw(st.booleans())))
    if draw(st.booleans()):
        sections.append(element(1, "dmdSec", ' ID="DMD"', [], True))
    if draw(st.integers(0, 4)):
        groups = [a_group(use) for use in draw(st.lists(st.sampled_from(GROUPS), max_size=4))]
        sections.append(element(1, "fileSec", "", groups, draw(st.booleans())))
    if draw(st.integers(0, 4)):
        pages = [a_page(page) for page in draw(st.lists(st.sampled_from(PAGES), max_size=4))]
        sequence = element(2, "div", ' TYPE="physSequence"', pages, draw(st.booleans()))
        sections.append(element(1, "structMap", ' TYPE="PHYSICAL"', [sequence], False))
    namespaces = f' xmlns{":" if prefix else ""}{prefix[:-1]}="http://www.loc.gov/METS/"'
    if declares_xlink:
        namespaces += ' xmlns:xlink="http://www.w3.org/1999/xlink"'
    return element(0, "mets", namespaces, sections, draw(st.booleans()))


hrefs = st.one_of(st.none(), st.sampled_from(["x/1", "z/ü&<'\">.xml", "file:///a%20b"]))
new_files = st.builds(
    lambda group, page, name, mimetype, local, url: File(
        # an ID belongs to one group and page, as the check before every apply makes sure
        f"N_{group}_{page}_{name}",
        group,
        mimetype,
        page,
        local,
        url,
        size=3,
        digest="00",
    ),
    st.sampled_from([*GROUPS, "NEW"]),
    st.sampled_from([*PAGES, "p9", None]),
    st.integers(0, 1),
    st.sampled_from(["", "text/xml"]),
    hrefs,
    hrefs,
)
agents = st.builds(Agent, st.sampled_from(["agent_1", "agent_2"]), st.just("ocrd-x"), st.just("ocr"))


@st.composite
def all_deltas(draw: st.DrawFn) -> Delta:
    """One that overwrites may leave a page that it adds to without files in another group."""
    files = draw(st.lists(new_files, max_size=5))
    overwrite = draw(st.booleans())
    pairs = [(group, file.page_id) for file in files if file.page_id for group in GROUPS]
    empties = draw(st.lists(st.sampled_from(pairs), max_size=2)) if overwrite and pairs else []
    return Delta(files, draw(st.lists(agents, max_size=1)), overwrite, empties)


deltas = all_deltas()


def holdings(index: MetsIndex) -> dict[str, object]:
    slice_ = index.slice(index.pages, with_files_without_page=True)
    return {
        "pages": index.pages,
        "groups": groups_in_use(index),
        "files": slice_.files,
        "by id": {file.id: list(index.all_by_id(file.id)) for file in slice_.files},
    }


def groups_in_use(index: MetsIndex) -> list[str]:
    """A group that was emptied before it was ever saved is not in the document."""
    in_use = {file.file_grp for file in index.by_arrival()}
    return [group for group in index.file_groups if group in in_use]


def sorted_ids(found: dict[str, object]) -> dict[str, object]:
    """The order of files of one ID in several groups or on several pages is not kept where one of them is replaced."""
    by_id = found["by id"]
    assert isinstance(by_id, dict)
    return {**found, "by id": {key: sorted(map(str, files)) for key, files in by_id.items()}}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mets")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(documents(), st.lists(st.lists(deltas, max_size=3), min_size=1, max_size=3))
def test_what_is_read_after_a_save_is_the_index_with_the_deltas(
    directory: Path, document: str, saves: list[list[Delta]]
) -> None:
    path = directory / "mets.xml"
    path.write_bytes(document.encode())
    index = MetsIndex.read(path)
    for waiting in saves:
        for delta in waiting:
            index.apply(delta)
        index.stamp = save(path, waiting, index.stamp)
        again = MetsIndex.read(path)
        assert sorted_ids(holdings(again)) == sorted_ids(holdings(index))
        assert again.stamp == index.stamp
        assert index.stamp.layout is not None
        assert again.stamp.layout is not None
        assert places(index.stamp.layout) == places(again.stamp.layout)
        etree.parse(path)


def places(layout: object) -> object:
    """All but the white space: an element that lost its last child keeps the white space its children had."""
    spots = {
        table: {key: (spot.at, spot.style.prefix) for key, spot in getattr(layout, table).items()}
        for table in ("sections", "groups", "pages")
    }
    return spots, *(getattr(layout, name) for name in ("file_ids", "agent_ids", "xlink", "dangling", "unit"))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents(), st.lists(deltas, max_size=3))
def test_applying_twice_is_applying_once(directory: Path, document: str, waiting: list[Delta]) -> None:
    path = directory / "twice.xml"
    path.write_bytes(document.encode())
    index = MetsIndex.read(path)
    for delta in waiting:
        index.apply(delta)
        once = holdings(index)
        index.apply(delta)
        assert holdings(index) == once
    stamp = save(path, waiting, index.stamp)
    if not any(delta.overwrite for delta in waiting):
        assert save(path, waiting, stamp) == stamp
    else:
        save(path, waiting, stamp)
    assert holdings_by_place(MetsIndex.read(path)) == holdings_by_place(index)


def holdings_by_place(index: MetsIndex) -> object:
    """Replayed from the beginning, what was replaced in between comes back and goes again: the order may differ."""
    files = index.slice(index.pages, with_files_without_page=True).files
    return index.pages, groups_in_use(index), sorted(map(str, files))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(documents(), st.lists(deltas, max_size=2), st.sets(st.sampled_from([*GROUPS, "NEW"])), st.booleans())
def test_groups_that_end_are_gone_with_all_that_was_in_them(
    directory: Path, document: str, before: list[Delta], ends: set[str], in_one_save: bool
) -> None:
    path = directory / "mets.xml"
    path.write_bytes(document.encode())
    index = MetsIndex.read(path)
    for delta in before:
        index.apply(delta)
    places = [(group, page) for group in sorted(ends) for page in (*index.pages, None)]
    end = Delta(overwrite=True, empties=places, ends_groups=sorted(ends), ends_agents=["agent_1"])
    index.apply(end)
    if in_one_save:
        save(path, [*before, end], index.stamp)
    else:
        index.stamp = save(path, before, index.stamp)
        save(path, [end], index.stamp)
    read = MetsIndex.read(path)
    # a page that came with a file which has gone again before the save is not in the document
    found, expected = ({**sorted_ids(holdings(each)), "pages": None} for each in (read, index))
    assert found == expected
    assert not ends.intersection(read.file_groups)
    assert "agent_1" not in read.other_ids
    content = path.read_bytes()
    assert save(path, [end], read.stamp).digest == read.stamp.digest
    assert path.read_bytes() == content


def test_only_empty_groups_and_the_agents_that_are_named_are_taken_out(tmp_path: Path) -> None:
    path = tmp_path / "mets.xml"
    path.write_text(PLAIN)
    index = MetsIndex.read(path)
    added = Delta([File("OCR_1", "OCR", "text/xml", "PHYS_0001", "OCR/1.xml")], [Agent("a1", "x"), Agent("a2", "y")])
    stamp = save(path, [added], index.stamp)
    end = Delta(
        overwrite=True, empties=[("OCR", "PHYS_0001")], ends_groups=["OCR", "OCR-D-IMG"], ends_agents=["a1", "a2"]
    )
    save(path, [end], stamp)
    assert path.read_text() == PLAIN
