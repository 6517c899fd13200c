"""Requests that are wrong get an answer that says so; nothing a client sends makes a 500."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from offizin.api.body_limit import MOST_BODY
from offizin.processing_server import ProcessingServer
from offizin.settings import Settings

JOB = {"input_file_grps": ["OCR-D-IMG"], "output_file_grps": ["OCR-D-OUT"]}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Broken(ProcessingServer):
    """Two endpoints overridden: one fails as nobody foresaw, the other answers on its own."""

    async def home_page(self) -> dict[str, str]:
        raise RuntimeError("a secret of the inside")

    async def get_workflow_info_simple(self, workflow_job_id: str) -> Any:
        return {"state": workflow_job_id}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """Of a server without a socket: its lifespan alone."""
    server = Broken(settings=Settings(home=tmp_path_factory.mktemp("home"), slots=1))
    transport = httpx.ASGITransport(server)
    async with (
        server.router.lifespan_context(server),
        httpx.AsyncClient(transport=transport, base_url="http://offizin") as client,
    ):
        yield client


async def test_what_nobody_foresaw_is_told_without_a_trace(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await client.get("/")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_server_error")
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert "a secret of the inside" in caplog.text


async def test_an_overridden_method_is_the_endpoint(client: httpx.AsyncClient) -> None:
    assert (await client.get("/workflow/job-simple/own")).json() == {"state": "own"}


@pytest.mark.parametrize("body", [
    b"\xff\xfe", b"{" * 100_000, b"[" * 100_000, b'"text"', b"null", b"1e999", b"9" * 5000, b"",
    b'{"input_file_grps": ["\\ud800"], "path_to_mets": "/m"}', b'{"input_file_grps": [1], "path_to_mets": "/m"}',
    b'{"input_file_grps": ["A"], "path_to_mets": "/a\\u0000b"}', b'{"input_file_grps": ["A"], "path_to_mets": 1}',
    b'{"input_file_grps": ["A"], "path_to_mets": " "}', b'{"input_file_grps": ["A"], "priority": "high"}',
    b'{"input_file_grps": ["A"], "path_to_mets": "/m", "parameters": {"x": NaN}}',
    b'{"input_file_grps": ["A"], "path_to_mets": "/m", "parameters": {"x": "\\ud800"}}',
    b'{"input_file_grps": ["A"], "path_to_mets": "/m", "priority": 99999999999999999999999}',
    b'{"input_file_grps": ["A"], "path_to_mets": "/m", "callback_url": "ftp://x/"}',
    b'{"input_file_grps": ["A"], "path_to_mets": "/m", "callback_url": "http://"}',
    b'{"input_file_grps": ["A"], "path_to_mets": "/m", "callback_url": "http://[::1"}',
    b'{"input_file_grps": ["A"], "path_to_mets": "' + b"x" * 10_000 + b'"}',
    b'{"input_file_grps": ["A"], "path_to_mets": "\\ud800"}',
    b'{"input_file_grps": ["A"], "path_to_mets": "/m", "depends_on": [' + b'"j",' * 50_000 + b'"j"]}',
    b'{"input_file_grps": ["A"], "path_to_mets": "/m", "agent_type": "somebody"}',
    b'{"input_file_grps": ["A"], "path_to_mets": "/m", "priority": true}',
    b'{"input_file_grps": [], "path_to_mets": "/m"}', b'{"input_file_grps": [""], "path_to_mets": "/m"}',
    b'{"input_file_grps": ["A"], "output_file_grps": ["../up"], "path_to_mets": "/m"}',
])  # fmt: skip
async def test_a_wrong_job_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/processor/run/ocrd-dummy", content=body, headers=JSON)
    assert 400 <= answer.status_code < 500, answer.text
    assert {"detail", "code", "hint"} <= answer.json().keys()


@pytest.mark.parametrize("name", ["%00", "..%2f..%2fbin%2fsh", "%ff", "ocrd-" + "x" * 5000, "ocrd-dummy%0a"])
async def test_a_wrong_processor_name_is_refused(client: httpx.AsyncClient, name: str) -> None:
    job = await client.post(f"/processor/run/{name}", json={"path_to_mets": "/m", **JOB})
    info = await client.get(f"/processor/info/{name}")
    assert (job.status_code in (404, 422), info.status_code) == (True, 404)


@pytest.mark.parametrize("query", [
    {"mets_path": "/a\0b"}, {"mets_path": ""}, {"mets_path": "/m", "priority": "9" * 30},
    {"mets_path": "/m", "workflow_callback_url": "javascript:alert(1)"}, {"mets_path": "/m", "overwrite": "perhaps"},
    {"mets_path": "/" + "x" * 300},
])  # fmt: skip
async def test_a_wrong_run_is_refused(client: httpx.AsyncClient, query: dict[str, str]) -> None:
    answer = await client.post("/workflow/run", params=query, files={"workflow": ("w", b"dummy -I A -O B")})
    assert 400 <= answer.status_code < 500, answer.text


@pytest.mark.parametrize("content", [b"\x00", b"dummy -I A -O \xff", "dummy -I A".encode("utf-16")])
async def test_a_file_that_is_no_text_is_refused(client: httpx.AsyncClient, content: bytes) -> None:
    answer = await client.post("/workflow", files={"workflow": ("w", content)})
    assert (answer.status_code, answer.json()["code"]) == (422, "workflow_invalid")


async def test_a_byte_order_mark_before_a_workflow_does_not_matter(client: httpx.AsyncClient) -> None:
    answer = await client.post("/workflow", files={"workflow": ("w", b"\xef\xbb\xbfdummy -I A -O B")})
    assert answer.status_code == 201
    text = (await client.get(f"/workflow/{answer.json()['workflow_id']}")).text
    assert text == "dummy -I A -O B"


async def test_a_text_is_never_taken_for_a_path_on_the_server(client: httpx.AsyncClient, tmp_path: Path) -> None:
    stored = tmp_path / "workflow.txt"
    stored.write_text("dummy -I A -O B")
    answer = await client.post("/workflow", data={"workflow": str(stored)})
    assert (answer.status_code, answer.json()["code"]) == (422, "workflow_invalid")


async def test_a_body_that_is_too_long_is_refused(client: httpx.AsyncClient) -> None:
    much = b" " * (MOST_BODY + 1)
    for answer in (
        await client.post("/processor/run/ocrd-dummy", content=much, headers=JSON),
        await client.post("/workflow", files={"workflow": ("w", much)}),
        await client.post("/workflow/run", params={"mets_path": "/m"}, data={"workflow": much.decode()}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_long")


async def test_a_body_without_a_length_that_is_too_long_is_refused(client: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 1024 * 1024

    answer = await client.post("/processor/run/ocrd-dummy", content=endless(), headers=JSON)
    assert answer.status_code == 413


@pytest.mark.parametrize("path", [
    "/workflow/jobs?limit=0", "/workflow/jobs?limit=100000", "/workflow/jobs?before=x", "/workflow/jobs?state=DONE",
    "/workflow/jobs?before=99999999999999999999", "/processor/jobs?after=-1", "/events?after=x", "/events?after=-1",
    "/workflow/jobs?mets_path=%00",
])  # fmt: skip
async def test_a_wrong_query_is_refused(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"]


async def test_form_bodies_that_are_no_forms_are_refused(client: httpx.AsyncClient) -> None:
    multipart = {"Content-Type": "multipart/form-data; boundary=x"}
    for content, headers in ((b"--x\r\nnonsense", multipart), (b"\xff=\xff&&&", FORM), (b"x", {})):
        answer = await client.post("/workflow", content=content, headers=headers)
        assert answer.status_code in (400, 422), answer.text
        assert {"detail", "code", "hint"} <= answer.json().keys()


async def test_the_description_of_the_routes_is_complete(client: httpx.AsyncClient) -> None:
    routes = (await client.get("/openapi.json")).json()["paths"]
    assert {"/processor/run/{processor_name}", "/workflow/run", "/events", "/healthz"} <= routes.keys()
