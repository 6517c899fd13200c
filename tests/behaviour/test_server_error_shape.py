"""Every route tells what is wrong in the one shape, whatever nonsense it is sent; none answers 5xx."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from offizin.processing_server import ProcessingServer
from offizin.settings import Settings

pytestmark = pytest.mark.asyncio(loop_scope="module")

VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE")
JUNK = ("none", "%00", "..%2f..%2fetc%2fpasswd", "%ff%fe", "x" * 3000, "ocrd-dummy%0aSet-Cookie:a")
BODIES: tuple[tuple[bytes, str], ...] = (
    (b"", "application/json"),
    (b"v", "application/json"),
    (b"[" * 5000, "application/json"),
    (b'{"path_to_mets": 1, "input_file_grps": 2, "what": [], "priority": true}', "application/json"),
    (b"\xff\xfe", "application/json; charset=utf-16"),
    (b"--x\r\nnonsense", "multipart/form-data; boundary=x"),
    (b"PK\x03\x04 and no more", "application/vnd.ocrd+zip"),
    (b"<a/>", "text/xml"),
)
# Answers that are no errors whatever is sent: they need nothing, or end what the tests run on.
SPARED = {("POST", "/stop"), ("DELETE", "/kill_mets_server_zombies")}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """Of a server without a socket, which has no processors."""
    home = tmp_path_factory.mktemp("home")
    server = ProcessingServer(settings=Settings(home=home, slots=1))
    async with (
        server.running() as offizin,
        httpx.AsyncClient(transport=httpx.ASGITransport(server), base_url="http://localhost", timeout=30) as client,
    ):
        offizin.processors.directories = (home,)
        yield client


def templates() -> list[str]:
    server = ProcessingServer(settings=Settings(home=Path("/nowhere/at/all")))
    return sorted(server.openapi()["paths"])


async def check(client: httpx.AsyncClient, method: str, path: str, body: bytes, media_type: str) -> None:
    async with client.stream(method, path, content=body, headers={"Content-Type": media_type}) as answer:
        assert answer.status_code < 500 or answer.status_code == 501, f"{method} {path}: {await answer.aread()!r}"
        if answer.status_code < 400:
            return
        told = await answer.aread()
    assert answer.headers["content-type"] == "application/json", f"{method} {path}"
    error = answer.json()
    assert {"detail", "code", "hint"} <= error.keys(), f"{method} {path}: {told!r}"
    assert all(isinstance(error[key], str) for key in ("detail", "code", "hint")), f"{method} {path}: {told!r}"
    assert re.fullmatch("[a-z_]+", error["code"]), f"{method} {path}: {told!r}"
    assert error["detail"], f"{method} {path}"
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("template", [each for each in templates() if each != "/events"])
async def test_nonsense_is_refused_in_one_shape(client: httpx.AsyncClient, template: str) -> None:
    for method in VERBS:
        if (method, template) in SPARED:
            continue
        for junk in JUNK if "{" in template else ("",):
            body, media_type = BODIES[3]
            await check(client, method, re.sub("{.*?}", junk, template), body, media_type)
        for body, media_type in BODIES if method in ("POST", "PUT", "PATCH") else ():
            await check(client, method, re.sub("{.*?}", "none", template), body, media_type)


async def test_a_stream_of_events_begins_nowhere_else(client: httpx.AsyncClient) -> None:
    for query in ("after=x", "after=-1", "after=99999999999999999999"):
        await check(client, "GET", f"/events?{query}", b"", "text/plain")


async def test_what_is_no_route_has_the_same_shape(client: httpx.AsyncClient) -> None:
    for method in VERBS:
        await check(client, method, "/nothing/here", b"", "text/plain")
        assert (await client.request(method, "/nothing/here")).status_code == 404
