"""Who uses the server reaches no file outside of the workspace roots: not by a field, a link, or what a METS says."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.behaviour.books import make_book
from tests.behaviour.guarded import book_that_names, guarded, job

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[httpx.AsyncClient, Path]]:
    """A client, and the directory in which ``root`` is the only root and ``outside`` a book that is not to be had."""
    directory = tmp_path_factory.mktemp("place")
    make_book(directory / "outside", 1)
    async with guarded(directory) as client:
        root = directory / "root"
        (root / "link").symlink_to(directory / "outside")
        (root / "linked-mets").mkdir()
        (root / "linked-mets" / "mets.xml").symlink_to(directory / "outside" / "mets.xml")
        yield client, directory


WAYS_OUT = [
    "{place}/outside/mets.xml", "{place}/outside", "{root}/../outside/mets.xml", "{root}/link/mets.xml", "{root}/link",
    "{root}/linked-mets", "{root}/linked-mets/mets.xml", "{root}/link/../../outside/mets.xml", "/etc/passwd",
    "/proc/self/environ", "{root}/../nothing/mets.xml", "../outside/mets.xml", "//etc/passwd", "/dev/zero",
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS_OUT)
async def test_a_path_that_leads_out_of_the_roots_is_forbidden_in_every_field(
    place: tuple[httpx.AsyncClient, Path], way: str
) -> None:
    client, directory = place
    path = way.format(place=directory, root=directory / "root")
    as_job = await client.post("/processor/run/ocrd-dummy", json=job(path))
    as_run = await client.post(
        "/workflow/run", params={"mets_path": path}, files={"workflow": ("w", b"dummy -I OCR-D-IMG -O OUT")}
    )
    as_mets_server = await client.post("/tcp_mets", json={
        "workspace_path": path, "method_type": "GET", "response_type": "dict", "request_url": "file_groups",
    })  # fmt: skip
    for answer in (as_job, as_run, as_mets_server):
        assert (answer.status_code, answer.json()["code"]) == (403, "path_forbidden"), answer.text
        assert str(directory / "root") in answer.json()["hint"]


@pytest.mark.parametrize(("what", "kind"), [
    ("../../outside/OCR-D-IMG/IMG_1.png", 'LOCTYPE="OTHER" OTHERLOCTYPE="FILE"'),
    ("/etc/passwd", 'LOCTYPE="OTHER" OTHERLOCTYPE="FILE"'),
    ("file:///etc/passwd", 'LOCTYPE="OTHER" OTHERLOCTYPE="FILE"'),
    ("file:///etc/pass%77d", 'LOCTYPE="URL"'), ("FILE:/etc/passwd", 'LOCTYPE="URL"'), ("/etc/passwd", 'LOCTYPE="URL"'),
    ("a/../../../outside/mets.xml", 'LOCTYPE="URL"'),
])  # fmt: skip
async def test_a_mets_that_names_a_file_outside_of_the_roots_is_forbidden(
    place: tuple[httpx.AsyncClient, Path], what: str, kind: str
) -> None:
    client, directory = place
    mets = book_that_names(directory / "root" / "naming", what, kind)
    try:
        answer = await client.post("/processor/run/ocrd-dummy", json=job(mets))
        assert (answer.status_code, answer.json()["code"]) == (403, "path_forbidden"), answer.text
    finally:
        shutil.rmtree(mets.parent)


@pytest.mark.parametrize("url", [
    "http://169.254.169.254/latest", "http://127.0.0.1:22/", "https://[::1]/", "HTTP://localhost/", "http://2130706433/",
    "http://user@10.0.0.1/",
])  # fmt: skip
async def test_a_mets_that_names_a_private_address_is_forbidden(
    place: tuple[httpx.AsyncClient, Path], url: str
) -> None:
    client, directory = place
    mets = book_that_names(directory / "root" / "naming", url, 'LOCTYPE="URL"')
    try:
        answer = await client.post("/processor/run/ocrd-dummy", json=job(mets))
        assert (answer.status_code, answer.json()["code"]) == (403, "url_forbidden"), answer.text
    finally:
        shutil.rmtree(mets.parent)


async def test_a_mets_may_name_files_that_lie_in_another_directory_of_a_root(
    place: tuple[httpx.AsyncClient, Path],
) -> None:
    client, directory = place
    make_book(directory / "root" / "images", 1)
    mets = book_that_names(directory / "root" / "elsewhere", "../images/OCR-D-IMG/IMG_1.png")
    answer = await client.post("/processor/run/ocrd-dummy", json=job(mets))
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("name", [
    "../x", "ocrd-a;rm", "ocrd-a b", "ocrd-dummy\0", "ocrd-../../bin/sh", "/bin/sh", "ocrd-" + "x" * 10_000,
    "ocrd-dummy\n", "$(id)", "ocrd-`id`", "ocrd-dummy.json", "--help", "",
])  # fmt: skip
async def test_only_a_name_that_discovery_has_found_is_ever_run(
    place: tuple[httpx.AsyncClient, Path], name: str
) -> None:
    client, directory = place
    mets = make_book(directory / "root" / "plain", 1)
    try:
        path = "".join(f"%{byte:02x}" for byte in name.encode())
        answers = [
            await client.post(f"/processor/run/{path}", json=job(mets)),
            await client.get(f"/processor/info/{path}"),
            await client.post(
                "/workflow/run", params={"mets_path": str(mets)}, files={"workflow": ("w", f"{name} -I OCR-D-IMG -O X")}
            ),
        ]
        for answer in answers:
            assert 400 <= answer.status_code < 500, (answer.request.url, answer.text)
        assert not (mets.parent / "X").exists()
    finally:
        shutil.rmtree(mets.parent)
