"""A zip of a stranger writes nowhere but into its own workspace, and fills neither disk nor memory."""

from __future__ import annotations

import io
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import httpx
import pytest
import pytest_asyncio

from tests.behaviour.guarded import guarded

pytestmark = pytest.mark.asyncio(loop_scope="module")

ZIP = {"Content-Type": "application/vnd.ocrd+zip"}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[httpx.AsyncClient, Path]]:
    """A client, and the directory in which the server's home lies."""
    directory = tmp_path_factory.mktemp("place")
    async with guarded(directory, zip_count_limit=100) as client:
        yield client, directory


def special(name: str, content: bytes, kind: int) -> bytes:
    """A zip with a METS and a member that is no plain file."""
    member = ZipInfo(name)
    member.external_attr = (kind | 0o777) << 16
    return packed({"mets.xml": b"<mets/>"}, (member, content))


def packed(members: dict[str, bytes], *more: tuple[ZipInfo, bytes]) -> bytes:
    whole = io.BytesIO()
    with ZipFile(whole, "w", ZIP_DEFLATED) as made:
        for name, content in [*members.items(), *more]:
            made.writestr(name, content)
    return whole.getvalue()


def encrypted() -> bytes:
    content = bytearray(packed({"mets.xml": b"<mets/>"}))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def files(home: Path) -> set[str]:
    """All that was made, but for the database and what belongs to it."""
    ours = {"cache", "logs", "lock", "server"}
    return {
        str(path) for path in home.rglob("*") if path.is_file() and not path.name.startswith("offizin.sqlite")
        and path.relative_to(home).parts[0] not in ours
    }  # fmt: skip


ATTACKS = {
    "slip": packed({"mets.xml": b"<mets/>", "../../../slipped": b"x"}),
    "slip by an absolute path": packed({"mets.xml": b"<mets/>", "/tmp/slipped": b"x"}),
    "slip as on Windows": packed({"mets.xml": b"<mets/>", "..\\..\\slipped": b"x"}),
    "link to a file": special("link", b"/etc/passwd", stat.S_IFLNK),
    "link and a file behind it": packed({"mets.xml": b"<mets/>", "link/x": b"x"}, (ZipInfo("link"), b"/tmp")),
    "device": special("device", b"", stat.S_IFCHR),
    "FIFO": special("fifo", b"", stat.S_IFIFO),
    "encrypted": encrypted(),
    "a name with a line feed": packed({"mets.xml": b"<mets/>", "a\nb": b"x"}),
}
BOMBS = {
    "ratio": packed({"mets.xml": b"<mets/>", "zeros": bytes(150_000_000)}),
    "count": packed({"mets.xml": b"<mets/>"} | {str(number): b"" for number in range(100)}),
    "directory": packed({f"{number:0200}": b"" for number in range(1000)}),
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_a_zip_that_reaches_outside_is_refused_and_leaves_nothing_behind(
    place: tuple[httpx.AsyncClient, Path], attack: str
) -> None:
    client, directory = place
    before = files(directory / "home")
    answer = await client.post("/workspace", content=ATTACKS[attack], headers=ZIP)
    assert (answer.status_code, answer.json()["code"]) == (400, "workspace_invalid"), answer.text
    assert files(directory / "home") == before
    assert not list(directory.rglob("slipped"))


@pytest.mark.parametrize("bomb", BOMBS)
async def test_a_bomb_is_refused_before_it_is_unpacked(place: tuple[httpx.AsyncClient, Path], bomb: str) -> None:
    client, directory = place
    before = files(directory / "home")
    answer = await client.post("/workspace", content=BOMBS[bomb], headers=ZIP)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large"), answer.text
    assert files(directory / "home") == before
