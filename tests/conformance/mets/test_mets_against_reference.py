"""The same operations on ocrd_models.OcrdMets: same answers, equivalent documents."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from offizin.messages import Agent, Delta, File
from offizin.mets.create import NewPage, create
from offizin.mets.index import MetsIndex
from offizin.mets.save import save
from tests.conformance.mets.examples import EXAMPLES

ocrd_models = pytest.importorskip("ocrd_models")

METS = "{http://www.loc.gov/METS/}"
# those that the reference can read: the METS is the root, and there is a physical sequence
READABLE = [
    "plain",
    "library",
    "wild",
    "one line",
    "doctype",
    "windows line ends",
    "byte order mark",
    "latin 1",
    "utf-16",
]
ADDABLE = [name for name in READABLE if name != "wild"]
# the reference sees only the first div of a page that stands twice
TWICE = b'<mets:div TYPE="page" ID="p1"><mets:fptr FILEID="I3"/><mets:fptr FILEID="I1"/></mets:div>'


def oracle(path: Path, *, cached: bool = False) -> ocrd_models.OcrdMets:
    return ocrd_models.OcrdMets(filename=str(path), cache_flag=cached)


@pytest.fixture
def mets(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "mets.xml"
    assert (TWICE in EXAMPLES[request.param]) == (request.param == "wild")
    path.write_bytes(EXAMPLES[request.param].replace(TWICE, b""))
    return path


@pytest.mark.parametrize("mets", READABLE, indirect=True)
def test_the_index_holds_what_the_reference_finds(mets: Path) -> None:
    index, reference = MetsIndex.read(mets), oracle(mets)
    assert index.pages == list(dict.fromkeys(reference.physical_pages))
    assert index.file_groups == list(dict.fromkeys(reference.file_groups))
    assert index.unique_identifier == reference.unique_identifier
    for group in index.file_groups:
        for page in index.pages:
            found = list(reference.find_files(fileGrp=group, pageId=page))
            ours = index.files(group, page)
            assert [(file.id, file.mimetype or None, file.url or "") for file in ours] == [
                (file.ID, file.mimetype, file.url) for file in found
            ]
            for mine, theirs in zip(ours, found, strict=True):
                if not (theirs.local_filename or "").startswith("file://"):
                    assert mine.local_filename == theirs.local_filename
            assert index.has_files(group, page) == bool(found)
    for file in reference.find_files():
        mine = index.by_id(file.ID)
        assert mine is not None
        assert (mine.file_grp, mine.page_id) == (file.fileGrp, file.pageId)


@pytest.mark.parametrize("mets", READABLE, indirect=True)
def test_a_slice_has_the_files_of_its_pages_in_the_order_of_the_reference(mets: Path) -> None:
    index, reference = MetsIndex.read(mets), oracle(mets)
    for pages in [[page] for page in index.pages] + [index.pages]:
        found = [file.ID for file in reference.find_files(pageId=",".join(pages))]
        mine = list(dict.fromkeys(file.id for file in index.slice(pages).files))
        if "INNER" in index.file_groups:  # a group in two parts, and one inside another: not document order
            assert sorted(mine) == sorted(found)
        else:
            assert mine == found
    loose = {file.ID for file in reference.find_files() if file.pageId is None}
    everything = index.slice(index.pages, with_files_without_page=True).files
    assert {file.id for file in everything if file.page_id is None} == loose


names = st.sampled_from(["a", "b", "c"])
operations = st.builds(
    lambda group, page, name, mimetype, local, url: File(f"N_{group}_{page}_{name}", group, mimetype, page, local, url),
    st.sampled_from(["OCR-D-IMG", "DEFAULT", "FULLTEXT", "NEW"]),
    st.sampled_from(["PHYS_0001", "PHYS_0002", "new_page", None]),
    names,
    st.sampled_from(["image/png", "application/vnd.prima.page+xml"]),
    st.sampled_from(["NEW/a.xml", "x/ü&<'\">.xml", "../b\n.png"]),
    st.one_of(st.none(), st.sampled_from(["https://x.org/?a=1&b=2"])),
)
agents = st.builds(
    Agent,
    st.uuids().map("offizin_{}".format),
    st.sampled_from(["ocrd-x v1", "ü & <y>"]),
    st.just("layout/segmentation/region"),
    st.just([("input-file-grp", "OCR-D-IMG"), ("parameter", '{"a": "<&>"}'), ("page-id", "")]),
)


@pytest.mark.parametrize("mets", ADDABLE, indirect=True)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.lists(operations, max_size=8), added_agents=st.lists(agents, max_size=2))
def test_adding_gives_an_equivalent_document(mets: Path, files: list[File], added_agents: list[Agent]) -> None:
    original = mets.with_suffix(".original")
    if not original.exists():
        original.write_bytes(mets.read_bytes())
    mets.write_bytes(original.read_bytes())
    reference = oracle(mets)
    for file in files:
        if any(reference.find_files(ID=file.id)):
            continue
        reference.add_file(
            file.file_grp,
            ID=file.id,
            mimetype=file.mimetype,
            pageId=file.page_id,
            local_filename=file.local_filename,
            url=file.url,
        )
    for agent in added_agents:
        reference.add_agent(
            name=agent.name,
            _type="OTHER",
            othertype="SOFTWARE",
            role="OTHER",
            otherrole=agent.otherrole,
            notes=[({"option": option}, text) for option, text in agent.notes],
        )
    save(mets, [Delta(files, added_agents)], MetsIndex.read(mets).stamp)
    assert canonical(etree.parse(mets)) == canonical(etree.fromstring(reference.to_xml()).getroottree())


@pytest.mark.parametrize("mets", ADDABLE, indirect=True)
def test_overwriting_gives_what_removing_and_adding_gives(mets: Path) -> None:
    index, reference = MetsIndex.read(mets), oracle(mets)
    group, page = index.file_groups[0], index.pages[0]
    for file in list(reference.find_files(fileGrp=group, pageId=page)):
        # the reference deletes pages that are empty in between
        reference.add_file("KEEP", ID="KEEP", pageId=page, mimetype="x/y", ignore=True)
        reference.remove_one_file(file.ID)
        reference.add_file(group, ID="NEW", pageId=page, mimetype="text/xml", local_filename="new.xml")
        reference.remove_file_group("KEEP", recursive=True)
    save(mets, [Delta([File("NEW", group, "text/xml", page, "new.xml")], overwrite=True)], index.stamp)
    ours, theirs = etree.parse(mets), etree.fromstring(reference.to_xml()).getroottree()
    for tree in (ours, theirs):
        for pointer in tree.findall(f".//{METS}div[@TYPE='physSequence']/{METS}fptr"):
            pointer.getparent().remove(pointer)  # the reference removes pointers of the whole book, too
    assert canonical(ours) == canonical(theirs)


def test_a_new_mets_is_that_of_the_reference(tmp_path: Path) -> None:
    pages = [
        NewPage(
            f"PHYS_{n:04d}", [File(f"IMG_{n:04d}", "OCR-D-IMG", "image/tiff", f"PHYS_{n:04d}", f"OCR-D-IMG/{n}.tif")]
        )
        for n in range(1, 4)
    ]
    create(tmp_path / "mets.xml", pages, "kant_1784")
    reference = ocrd_models.OcrdMets.empty_mets()
    reference.unique_identifier = "kant_1784"
    for page in pages:
        for file in page.files:
            reference.add_file(
                file.file_grp,
                ID=file.id,
                mimetype=file.mimetype,
                pageId=file.page_id,
                local_filename=file.local_filename,
            )
    trees = [etree.parse(tmp_path / "mets.xml"), etree.fromstring(reference.to_xml()).getroottree()]
    for tree in trees:
        root = tree.getroot()
        root.attrib.clear()  # where the schemas lie
        root.find(f"{METS}metsHdr").attrib.clear()
        root.find(f"{METS}metsHdr/{METS}agent/{METS}name").text = "x"
    assert canonical(trees[0]) == canonical(trees[1])


@pytest.mark.parametrize(
    ("identifier", "kind"),
    [("urn:nbn:de:1", "urn"), ("10.1000/1", "doi"), ("https://x.org/1", "url"), ("kant & söhne", "purl")],
)
def test_the_identifier_is_one_that_the_reference_knows(tmp_path: Path, identifier: str, kind: str) -> None:
    create(tmp_path / "mets.xml", [], identifier)
    assert MetsIndex.read(tmp_path / "mets.xml").unique_identifier == identifier
    assert oracle(tmp_path / "mets.xml").unique_identifier == identifier
    assert f'type="{kind}"' in (tmp_path / "mets.xml").read_text()


def canonical(tree: etree._ElementTree) -> str:
    """Without insignificant white space, the IDs that we give agents, declarations that nothing needs, and prefixes."""
    for element in list(tree.iter()):
        element.tail = element.tail if element.tail and element.tail.strip() else None
        if isinstance(element.tag, str):
            if element.text and not element.text.strip():
                element.text = None
            if element.tag == f"{METS}agent":
                element.attrib.pop("ID", None)
    written = etree.canonicalize(etree.tostring(tree).decode(), with_comments=True, rewrite_prefixes=True)
    return re.sub(r"<!--.*?-->", "", written)
