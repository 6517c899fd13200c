"""A METS or PAGE of a stranger neither reads files, nor blows up, nor holds the server up."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.behaviour.books import make_book
from tests.behaviour.guarded import book_that_names, guarded, job

pytestmark = pytest.mark.asyncio(loop_scope="module")

LAUGHS = '<!ENTITY e0 "lol">' + "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(9))


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """Of a server that opens any path, as one does on loopback."""
    async with guarded(tmp_path_factory.mktemp("place"), workspace_roots=None) as client:
        yield client


@pytest.mark.parametrize("doctype", [
    '<!DOCTYPE m [<!ENTITY e9 SYSTEM "file:///etc/passwd">]>', '<!DOCTYPE m [<!ENTITY e9 SYSTEM "http://127.0.0.1:1/">]>',
    '<!DOCTYPE m [<!ENTITY % p SYSTEM "http://127.0.0.1:1/"> %p;]>', f"<!DOCTYPE m [{LAUGHS}]>",
    f'<!DOCTYPE m [<!ENTITY e9 "{"x" * 100_000}">]>',
], ids=["file", "http", "parameter entity", "billion laughs", "quadratic blow-up"])  # fmt: skip
async def test_entities_in_a_mets_are_refused(client: httpx.AsyncClient, tmp_path: Path, doctype: str) -> None:
    mets = make_book(tmp_path / "book", 1)
    head, body = mets.read_text().split("?>", 1)
    mets.write_text(f"{head}?>{doctype}{body.replace('OCR-D-IMG/IMG_1.png', '&e9;' * 10)}")
    answer = await client.post("/processor/run/ocrd-dummy", json=job(mets))
    assert (answer.status_code, answer.json()["code"]) == (422, "mets_invalid"), answer.text
    assert "root:" not in answer.text


@pytest.mark.parametrize("content", [
    "<mets>" + "<div>" * 100_000, "<?xml " + 'encoding="a" ' * 200_000, "<mets " + 'a="1" ' * 100_000,
    "\xff\xfe<", "<" * 100_000, "<!--" * 100_000, '<?xml version="1.0" encoding="punycode"?>' + "a-b" * 1_000_000,
], ids=["bottomless", "declaration without end", "attributes", "half", "tags", "comments", "punycode"])  # fmt: skip
async def test_a_mets_that_does_not_end_is_refused(client: httpx.AsyncClient, tmp_path: Path, content: str) -> None:
    (tmp_path / "mets.xml").write_bytes(content.encode("latin-1"))
    answer = await client.post("/processor/run/ocrd-dummy", json=job(tmp_path / "mets.xml"))
    assert (answer.status_code, answer.json()["code"]) == (422, "mets_invalid"), answer.text


async def test_a_file_outside_that_a_mets_names_is_not_given_out(client: httpx.AsyncClient, tmp_path: Path) -> None:
    mets = book_that_names(tmp_path / "book", "/etc/passwd")
    assert (await client.post("/processor/run/ocrd-dummy", json=job(mets, page_id="P2"))).status_code == 200
    known = (await client.get("/workspace")).json()
    [address] = [each["@id"] for each in known if each.get("path_to_mets") == str(mets)]
    for path in ("file/IMG_1", "files//etc/passwd", "files/%2Fetc%2Fpasswd", "file/IMG_1?file_grp=OCR-D-IMG"):
        answer = await client.get(f"{address}/{path}")
        assert answer.status_code in (403, 404), answer.text
        assert "root:" not in answer.text
    assert (await client.get(f"{address}/file/IMG_1")).json()["code"] == "path_forbidden"


async def test_what_is_no_plain_file_is_not_read(client: httpx.AsyncClient, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "huge").touch()
    os.truncate(tmp_path / "huge", 10**12)
    for path in (tmp_path / "fifo", tmp_path / "huge", Path("/dev/zero"), Path("/proc/self/mem")):
        answer = await client.post("/processor/run/ocrd-dummy", json=job(path))
        assert 400 <= answer.status_code < 500, (path, answer.text)
