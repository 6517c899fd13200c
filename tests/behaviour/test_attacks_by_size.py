"""What is too much is refused with few words, and nobody else waits for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.behaviour.books import make_book
from tests.behaviour.guarded import guarded, job

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = {"Content-Type": "application/json"}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[httpx.AsyncClient, Path]]:
    """A client of a server that has asked ocrd-dummy what it is, and a METS."""
    directory = tmp_path_factory.mktemp("place")
    async with guarded(directory, jobs_limit=2) as client:
        assert (await client.get("/processor/info/ocrd-dummy")).status_code == 200
        yield client, make_book(directory / "root" / "book", 3)


def nested(levels: int) -> dict[str, Any]:
    return {"x": json.loads("[" * levels + "]" * levels)}


@pytest.mark.parametrize("more", [
    {"input_file_grps": ["A"] * 500_000}, {"output_file_grps": [f"G{number}" for number in range(100_000)]},
    {"output_file_grps": ["G" * 1_000_000]}, {"output_file_grps": ["ä" * 150]}, {"description": "x" * 1_000_000},
    {"parameters": {f"p{number}": number for number in range(200_000)}}, {"parameters": nested(200)},
    {"parameters": nested(900)}, {"page_id": "P" * 5_000_000}, {"page_id": "P1," * 500_000},
    {"depends_on": ["j"] * 100_000}, {"page_id": "//(P+)+x" + "(1+)+" * 100}, {"page_id": ",".join(["//(P+)+x"] * 100)},
], ids=["inputs", "outputs", "group", "group in bytes", "description", "parameters", "depth", "more depth", "page",
        "pages", "depends_on", "pattern", "patterns"])  # fmt: skip
async def test_a_job_without_end_is_refused(place: tuple[httpx.AsyncClient, Path], more: dict[str, Any]) -> None:
    client, mets = place
    answer = await client.post("/processor/run/ocrd-dummy", content=json.dumps(job(mets) | more), headers=JSON)
    assert 400 <= answer.status_code < 500, answer.text[:1000]
    assert len(answer.content) < 10_000


@pytest.mark.parametrize("text", [
    "dummy -I A -O B\n" * 900_000, "dummy -I OCR-D-IMG -O X " + "-P a b " * 100_000, "dummy -I A -O B\n" * 1001,
    "dummy -I OCR-D-IMG -O X -p '" + '{"a":' * 800 + "1" + "}" * 800 + "'",
], ids=["text", "words", "steps", "depth"])  # fmt: skip
async def test_a_workflow_without_end_is_refused(place: tuple[httpx.AsyncClient, Path], text: str) -> None:
    client, mets = place
    answer = await client.post("/workflow/run", params={"mets_path": str(mets)}, files={"workflow": ("w", text)})
    assert 400 <= answer.status_code < 500, answer.text[:1000]
    assert len(answer.content) < 10_000


async def test_a_submission_makes_no_more_jobs_than_are_allowed(place: tuple[httpx.AsyncClient, Path]) -> None:
    client, mets = place
    answer = await client.post(
        "/workflow/run", params={"mets_path": str(mets), "page_wise": True},
        files={"workflow": ("w", b"dummy -I OCR-D-IMG -O X")},
    )  # fmt: skip
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize("where", ["file_grp", "file_id", "page_id", "mimetype", "url"])
async def test_others_are_answered_while_an_expression_takes_its_time(
    place: tuple[httpx.AsyncClient, Path], where: str
) -> None:
    """The METS has no file of such an ID, so that nothing matches; and what matches nothing takes longest."""
    client, mets = place
    bomb = "//(([A-Za-z0-9_/.-]+)+)+%"
    body = {
        "workspace_path": str(mets.parent), "method_type": "GET", "response_type": "dict", "request_url": "file",
        "request_data": {"params": {where: bomb}},
    }  # fmt: skip
    slow = asyncio.create_task(client.post("/tcp_mets", json=body))
    quick = asyncio.create_task(client.get("/"))
    assert (await quick).status_code == 200
    assert not slow.done() or slow.result().status_code < 500
    assert (await slow).status_code in (200, 400)
