"""The METS endpoint of plain programs against the reference: its server on the same METS, its client against ours."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from ocrd import Resolver
from ocrd.mets_server import ClientSideOcrdMets
from ocrd_models import OcrdMets

from offizin.errors import Unavailable
from offizin.messages import File
from offizin.mets.scan import Scan
from offizin.workers.attempt_mets import AttemptMets
from offizin.workers.mets_endpoint import MetsEndpoint

OCRD = Path(sys.executable).parent / "ocrd"


def _make_book(directory: Path) -> Path:
    directory.mkdir(parents=True)
    workspace = Resolver().workspace_from_nothing(str(directory))
    workspace.mets.unique_identifier = "urn:example:1"
    for page in ("P1", "P2", "P3", "X"):
        for group, mimetype, suffix in (("IMG", "image/png", "png"), ("SEG", "text/xml", "xml")):
            if (page, group) != ("P3", "SEG"):
                workspace.add_file(
                    group, file_id=f"{group}_{page}", page_id=page, mimetype=mimetype,
                    local_filename=f"{group}/{page}.{suffix}",
                )  # fmt: skip
    workspace.add_file("IMG", file_id="COVER", page_id=None, mimetype="image/jpeg", url="https://example.org/c.jpg")
    workspace.save_mets()
    return directory / "mets.xml"


def _attempt(mets: Path, **options: Any) -> AttemptMets:
    found = Scan(mets.read_bytes(), mets).contents()
    return AttemptMets(
        str(mets.parent), found.pages, found.files, found.file_groups, found.unique_identifier, whole=True, **options
    )


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The reference's server on a copy of the book, and that copy."""
    mets = _make_book(tmp_path_factory.mktemp("reference") / "book")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    command = [OCRD, "workspace", "-d", mets.parent, "-U", url, "server", "start"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    transport = httpx.HTTPTransport(retries=12)  # with growing pauses, until it listens
    with httpx.Client(transport=transport, timeout=60) as client:
        client.get(f"{url}/workspace_path")
    yield url, mets
    process.kill()
    process.wait()


@pytest.fixture
async def endpoint() -> AsyncIterator[MetsEndpoint]:
    made = MetsEndpoint()
    yield made
    await made.stop()


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return _make_book(tmp_path / "book")


def _form(**fields: Any) -> dict[str, Any]:
    return {"file_grp": "NEW", "file_id": "NEW_P1", "page_id": "P1", "mimetype": "text/xml", **fields}


REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/unique_identifier", {}),
    ("GET", "/physical_pages", {}),
    ("GET", "/file_groups", {}),
    *(
        ("GET", "/file", {"params": query})
        for query in (
            {},
            {"file_grp": "IMG"},
            {"file_grp": "//.*G"},
            {"file_grp": "NONE"},
            {"file_id": "IMG_P2"},
            {"file_id": "//.*P[12]"},
            {"file_id": "IMG_P2", "file_grp": "SEG"},
            {"page_id": "P1"},
            {"page_id": "P1,P3"},
            {"page_id": "P1..P3", "file_grp": "IMG"},
            {"page_id": "//P.*", "mimetype": "text/xml"},
            {"page_id": "~P1", "file_grp": "IMG"},
            {"mimetype": "//image/.*"},
            {"url": "https://example.org/c.jpg"},
            {"local_filename": "IMG/P1.png"},
            {"file_grp": "//("},
            {"unknown": "1", "file_grp": "IMG", "page_id": "X"},
        )
    ),
    ("POST", "/file", {"data": _form(local_filename="NEW/P1.xml")}),
    ("POST", "/file", {"data": _form(local_filename="NEW/other.xml", force="True")}),
    ("GET", "/file", {"params": {"file_grp": "NEW"}}),
    ("POST", "/file", {"data": _form(file_id="NEW_U", url="https://example.org/u", page_id="P9", force=False)}),
    ("GET", "/file", {"params": {"page_id": "P9"}}),
    ("GET", "/physical_pages", {}),
    ("POST", "/file", {"data": {"file_grp": "NEW"}}),
    ("POST", "/file", {"data": _form(file_id="")}),
    ("POST", "/file", {"data": _form(force="perhaps")}),
    ("PUT", "/", {}),
    ("PUT", "", {}),
    ("GET", "/nothing", {}),
    ("DELETE", "/file", {}),
    ("POST", "/agent", {"json": {"name": "me", "type": "OTHER", "role": "OTHER", "otherrole": None,
                                 "othertype": "SOFTWARE", "notes": [[{"option": "page-id"}, "P1"]]}}),
    ("POST", "/agent", {"json": {"name": "me"}}),
]  # fmt: skip


async def test_it_answers_as_the_reference_does(
    reference: tuple[str, Path], endpoint: MetsEndpoint, tmp_path: Path
) -> None:
    """The same requests, one after the other, to both. (Of the agents that a METS has, an attempt's knows none.)"""
    theirs, mets = reference
    shutil.copytree(mets.parent, tmp_path / "book")
    ours = await endpoint.open(_attempt(tmp_path / "book" / "mets.xml"))
    async with httpx.AsyncClient(timeout=60) as client:
        for method, path, content in REQUESTS:
            expected, got = [await client.request(method, base + path, **content) for base in (theirs, ours)]
            assert got.status_code == expected.status_code, (method, path, content, got.text, expected.text)
            assert got.headers["content-type"] == expected.headers["content-type"]
            if expected.status_code == 422:
                # the first thing that is wrong; of an agent, only that something is
                place = slice(0, 2 if path == "/file" else 1)
                assert got.json()["detail"][0]["loc"][place] == expected.json()["detail"][0]["loc"][place]
            elif expected.headers["content-type"] == "application/json":
                assert got.json() == expected.json(), (method, path, content)
            else:
                assert got.text == expected.text


async def test_a_file_that_is_there_is_refused_as_by_the_reference(
    reference: tuple[str, Path], endpoint: MetsEndpoint, book: Path
) -> None:
    theirs, _ = reference
    ours = await endpoint.open(_attempt(book))
    async with httpx.AsyncClient(timeout=60) as client:
        for fields in ({"page_id": "P1"}, {"page_id": "P2"}, {"page_id": "P2", "force": True}):
            form = _form(file_grp="IMG", file_id="IMG_P1", mimetype="image/png", **fields)
            expected, got = [await client.post(f"{base}/file", data=form) for base in (theirs, ours)]
            assert (got.status_code, expected.status_code) == (400, 400)
            assert got.json().partition(" exists ")[0] == expected.json().partition(" exists ")[0]


async def test_what_the_reference_breaks_on_is_said(
    reference: tuple[str, Path], endpoint: MetsEndpoint, book: Path
) -> None:
    """A page that is not there, a wrong ID: 500 without a reason there; here the client can tell why."""
    theirs, _ = reference
    ours = await endpoint.open(_attempt(book))
    async with httpx.AsyncClient(timeout=60, headers={"Connection": "close"}) as client:
        for method, content in (
            ("GET", {"params": {"page_id": "P77"}}),
            ("GET", {"params": {"page_id": "P1,,P2"}}),
            ("POST", {"data": _form(file_id="7")}),
        ):
            expected, got = [await client.request(method, f"{base}/file", **content) for base in (theirs, ours)]
            assert (got.status_code, expected.status_code) == (400, 500)
            assert got.json()


async def test_the_stock_client_works_against_it(endpoint: MetsEndpoint, book: Path) -> None:
    mets = _attempt(book)
    url = await endpoint.open(mets)
    original = OcrdMets(filename=str(book))

    def use() -> None:
        client = ClientSideOcrdMets(url, str(book.parent))
        assert not client.multiplexing_mode
        assert client.workspace_path == str(book.parent.resolve())
        assert client.unique_identifier == original.unique_identifier
        assert client.physical_pages == original.physical_pages
        assert client.file_groups == original.file_groups
        for query in ({"fileGrp": "IMG"}, {"pageId": "P1,P2"}, {"ID": "//SEG.*", "mimetype": "text/xml"}):
            assert [f.ID for f in client.find_all_files(**query)] == [f.ID for f in original.find_all_files(**query)]
        client.add_file("OUT", ID="OUT_1", pageId="P1", mimetype="text/xml", local_filename="OUT/1.xml", force=False)
        assert [f.local_filename for f in client.find_files(fileGrp="OUT")] == ["OUT/1.xml"]
        with pytest.raises(RuntimeError, match="neither force nor ignore"):
            client.add_file("OUT", ID="OUT_1", pageId="P1", mimetype="text/xml", local_filename="OUT/1.xml")
        client.add_agent(name="x", _type="OTHER", role="OTHER", otherrole="r", othertype="SOFTWARE", notes=[])
        assert [agent.name for agent in client.agents] == ["x"]
        assert "writing changes" in client.save()
        assert "Reloaded" in client.reload()
        assert "shut down" in client.stop()
        assert client.physical_pages

    before = book.read_bytes()
    await asyncio.to_thread(use)
    assert list(mets.added.values()) == [File("OUT_1", "OUT", "text/xml", "P1", "OUT/1.xml")]
    assert book.read_bytes() == before


async def test_nobody_answers_at_a_url_that_is_over_or_was_never_given(endpoint: MetsEndpoint, book: Path) -> None:
    one, other = await endpoint.open(_attempt(book)), await endpoint.open(_attempt(book))
    assert one.rpartition("/")[0] == other.rpartition("/")[0]
    endpoint.close(one)
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{one}/file_groups")).status_code == 404
        assert (await client.get(f"{other}/file_groups")).status_code == 200
        assert (await client.get(f"{other[:-1]}/file_groups")).status_code == 404
        assert (await client.get(f"{other.rpartition('/')[0]}/file_groups")).status_code == 404


async def test_after_the_deadline_nothing_is_added(endpoint: MetsEndpoint, book: Path) -> None:
    def refuse() -> None:
        raise Unavailable("the time is over")

    mets = _attempt(book, check=refuse)
    url = await endpoint.open(mets)
    async with httpx.AsyncClient() as client:
        reply = await client.post(f"{url}/file", data=_form())
        assert (reply.status_code, reply.json()) == (503, "the time is over")
        assert (await client.get(f"{url}/file_groups")).status_code == 200
    assert not mets.added
