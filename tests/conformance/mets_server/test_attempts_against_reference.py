"""The METS endpoint of plain programs against the reference: its server on the same METS, its client against ours."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from ocrd.mets_server import ClientSideOcrdMets
from ocrd_models import OcrdMets

from offizin.errors import Unavailable
from offizin.messages import File
from offizin.mets.scan import Scan
from offizin.workers.attempt_mets import AttemptMets
from offizin.workers.mets_endpoint import MetsEndpoint
from tests.conformance.mets_server.requests_to_both import answers_are_the_same, form


def _attempt(mets: Path, **options: Any) -> AttemptMets:
    found = Scan(mets.read_bytes(), mets).contents()
    return AttemptMets(
        str(mets.parent), found.pages, found.files, found.file_groups, found.unique_identifier, whole=True, **options
    )


@pytest.fixture
async def endpoint() -> AsyncIterator[MetsEndpoint]:
    made = MetsEndpoint()
    yield made
    await made.stop()


async def test_it_answers_as_the_reference_does(
    reference: tuple[str, Path], endpoint: MetsEndpoint, tmp_path: Path
) -> None:
    """The same requests, one after the other, to both. (Of the agents that a METS has, an attempt's knows none.)"""
    theirs, mets = reference
    shutil.copytree(mets.parent, tmp_path / "book")
    ours = await endpoint.open(_attempt(tmp_path / "book" / "mets.xml"))
    async with httpx.AsyncClient(base_url=ours, timeout=60) as client:
        await answers_are_the_same(theirs, client)


async def test_a_file_that_is_there_is_refused_as_by_the_reference(
    reference: tuple[str, Path], endpoint: MetsEndpoint, book: Path
) -> None:
    theirs, _ = reference
    ours = await endpoint.open(_attempt(book))
    async with httpx.AsyncClient(timeout=60) as client:
        for fields in ({"page_id": "P1"}, {"page_id": "P2"}, {"page_id": "P2", "force": True}):
            fields_of_form = form(file_grp="IMG", file_id="IMG_P1", mimetype="image/png", **fields)
            expected, got = [await client.post(f"{base}/file", data=fields_of_form) for base in (theirs, ours)]
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
            ("POST", {"data": form(file_id="7")}),
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
        reply = await client.post(f"{url}/file", data=form())
        assert (reply.status_code, reply.json()) == (503, "the time is over")
        assert (await client.get(f"{url}/file_groups")).status_code == 200
    assert not mets.added
