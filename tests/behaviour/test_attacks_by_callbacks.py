"""Nobody makes the server call whom it may not (SSRF): not by address, by a redirect, or by a name that changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from offizin.clock import SystemClock
from offizin.errors import UrlForbidden
from offizin.offizin import Offizin
from offizin.outside import Parts
from offizin.scheduling.submission import Submission
from offizin.settings import Settings
from offizin.trust.addresses import Addressees, CheckedTransport
from offizin.workflows import parse_workflow
from tests.behaviour.books import make_book
from tests.behaviour.guarded import guarded, job

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[httpx.AsyncClient, Path]]:
    directory = tmp_path_factory.mktemp("place")
    async with guarded(directory) as client:
        yield client, make_book(directory / "root" / "book", 1)


@pytest.mark.parametrize("url", [
    "http://169.254.169.254/latest/meta-data", "http://[fe80::1]/", "http://127.0.0.1:6379/", "http://localhost/",
    "http://[::ffff:169.254.169.254]/", "http://2852039166/", "http://10.0.0.1/", "https://user:pass@192.168.0.1/",
])  # fmt: skip
async def test_a_callback_to_a_private_address_is_forbidden_at_once(
    place: tuple[httpx.AsyncClient, Path], url: str
) -> None:
    client, mets = place
    as_job = await client.post("/processor/run/ocrd-dummy", json=job(mets, callback_url=url))
    as_run = await client.post(
        "/workflow/run", params={"mets_path": str(mets), "workflow_callback_url": url},
        files={"workflow": ("w", b"dummy -I OCR-D-IMG -O OUT")},
    )  # fmt: skip
    for answer in (as_job, as_run):
        assert (answer.status_code, answer.json()["code"]) == (403, "url_forbidden"), answer.text


@pytest.mark.parametrize("url", ["file:///etc/passwd", "gopher://127.0.0.1/", "http://a/\r\nX: 1", "http://a\r\n/"])
async def test_a_callback_that_is_no_web_address_or_injects_a_header_is_refused(
    place: tuple[httpx.AsyncClient, Path], url: str
) -> None:
    client, mets = place
    answer = await client.post("/processor/run/ocrd-dummy", json=job(mets, callback_url=url))
    assert answer.status_code == 422, answer.text


class Watched(httpx.AsyncBaseTransport):
    """What a server's callbacks reach: the first call is answered by a redirect to where nobody may go."""

    def __init__(self, addresses: list[str]) -> None:
        self.called: list[str] = []
        self.refused = asyncio.Event()
        self.answered = asyncio.Event()
        self._addresses = addresses
        self._checked = CheckedTransport(Addressees(), httpx.MockTransport(self._answer), self._resolve)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self._checked.handle_async_request(request)
        except UrlForbidden:
            self.refused.set()
            raise

    async def _resolve(self, _host: str, _port: int) -> list[str]:
        return [self._addresses.pop(0)]

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.called.append(str(request.url))
        self.answered.set()
        return httpx.Response(307, headers={"Location": "http://169.254.169.254/latest"})


async def _finished_run_that_calls(url: str, transport: Watched, directory: Path) -> Offizin:
    offizin = Offizin(Settings(home=directory / "home", slots=1), SystemClock(), Parts(transport=transport))
    await offizin.__aenter__()
    workflow = parse_workflow("dummy -I OCR-D-IMG -O OUT")
    mets = make_book(directory / "book", 1)
    await offizin.submissions.submit(Submission(mets, workflow, callback_url=url))
    return offizin


@pytest.mark.only("embedded", because="callbacks are the same everywhere")
async def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    watched = Watched(["93.184.216.34"] * 5)
    offizin = await _finished_run_that_calls("http://example.org/done", watched, tmp_path)
    try:
        await asyncio.wait_for(watched.answered.wait(), 60)
    finally:
        await offizin.__aexit__(None)
    assert watched.called == ["http://93.184.216.34/done"]


@pytest.mark.only("embedded", because="callbacks are the same everywhere")
async def test_a_name_that_means_a_private_address_by_then_is_not_called_and_given_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    watched = Watched(["169.254.169.254"])
    offizin = await _finished_run_that_calls("http://rebound.example/done", watched, tmp_path)
    try:
        await asyncio.wait_for(watched.refused.wait(), 60)
    finally:
        await offizin.__aexit__(None)
    assert watched.called == []
    assert "given up" in caplog.text
