"""``offizin mets-server`` at a socket and at a port, against the reference's METS server."""

from __future__ import annotations

import asyncio
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from ocrd.mets_server import ClientSideOcrdMets
from ocrd_models import OcrdMets

from tests.behaviour.books import make_book
from tests.conformance.mets_server.requests_to_both import answers_are_the_same

BIN = Path(sys.executable).parent

Start = Callable[..., str]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """``offizin mets-server`` with these arguments: where it is."""
    started: list[subprocess.Popen[str]] = []

    def begin(*arguments: object) -> str:
        home = tmp_path / f"home-{len(started)}"
        command = [sys.executable, "-m", "offizin", "mets-server", *map(str, arguments), "--home", home]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        assert name, process.communicate()[1]
        return name

    yield begin
    for process in started:
        process.terminate()
        process.communicate()
        assert process.returncode == 0


async def test_they_answer_as_the_reference_does(reference: tuple[str, Path], tmp_path: Path, start: Start) -> None:
    theirs, mets = reference
    for name in ("one", "other"):
        shutil.copytree(mets.parent, tmp_path / name)
    path = await asyncio.to_thread(start, tmp_path / "one", "-U", tmp_path / "s.sock")
    url = await asyncio.to_thread(start, tmp_path / "other", "--address", "127.0.0.1:0")
    async with (
        httpx.AsyncClient(base_url="http://x", transport=httpx.AsyncHTTPTransport(uds=path), timeout=60) as at_socket,
        httpx.AsyncClient(base_url=url, timeout=60) as at_port,
    ):
        await answers_are_the_same(theirs, at_socket, at_port)
        async with httpx.AsyncClient(base_url=theirs) as reference_client:
            expected = (await reference_client.get("/agent")).json()
        assert (await at_socket.get("/agent")).json() == expected
        assert (await at_port.get("/agent")).json() == expected


@pytest.mark.parametrize("way", ["socket", "port"])
def test_the_stock_client_reads_adds_saves_and_ends_it(way: str, book: Path, start: Start, tmp_path: Path) -> None:
    more = ("-U", tmp_path / "s.sock") if way == "socket" else ("--address", "127.0.0.1:0")
    where = start(book.parent, *more)
    if way == "socket":
        assert stat.S_IMODE(Path(where).stat().st_mode) == 0o600
    else:
        _assert_web_pages_are_refused(where)
    client = ClientSideOcrdMets(where, str(book.parent))
    assert not client.multiplexing_mode
    assert client.workspace_path == str(book.parent)
    assert client.physical_pages == OcrdMets(filename=str(book)).physical_pages
    client.add_file("OUT", ID="OUT_1", pageId="P1", mimetype="text/xml", local_filename="OUT/1.xml", force=False)
    with pytest.raises(RuntimeError, match="neither force nor ignore"):
        client.add_file("OUT", ID="OUT_1", pageId="P1", mimetype="text/xml", local_filename="OUT/1.xml")
    client.save()
    assert [file.ID for file in OcrdMets(filename=str(book)).find_files(fileGrp="OUT")] == ["OUT_1"]
    client.add_file("OUT", ID="OUT_2", pageId="P1", mimetype="text/xml", local_filename="OUT/2.xml", force=False)
    assert "shut down" in client.stop()
    assert len(OcrdMets(filename=str(book)).find_all_files(fileGrp="OUT")) == 2


def test_what_was_added_is_saved_when_the_command_ends(book: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "offizin", "mets-server", book, "-U", tmp_path / "s", "--home", tmp_path / "home"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        where = process.stdout.readline().strip()
        client = ClientSideOcrdMets(where, str(book.parent))
        client.add_file("OUT", ID="OUT_1", pageId="P1", mimetype="text/xml", local_filename="OUT/1.xml", force=False)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert len(OcrdMets(filename=str(book)).find_all_files(fileGrp="OUT")) == 1
    assert not Path(where).exists()


def test_programs_called_by_hand_use_its_socket(start: Start, tmp_path: Path) -> None:
    book = make_book(tmp_path / "images", 3)
    where = start(book.parent, "-U", tmp_path / "s.sock")
    done = subprocess.run(
        [BIN / "ocrd-dummy", "-U", where, "-m", book, "-I", "OCR-D-IMG", "-O", "COPY",
         "-g", "P1,P2"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    listed = subprocess.run(
        [BIN / "ocrd", "workspace", "-d", book.parent, "-U", where, "list-group"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert listed.stdout.split() == ["OCR-D-IMG", "COPY"]
    saved = OcrdMets(filename=str(book))
    assert [file.pageId for file in saved.find_files(fileGrp="COPY")] == ["P1", "P2"]
    assert [agent.name.split()[0] for agent in saved.agents][-1] == "ocrd-dummy"


def _assert_web_pages_are_refused(url: str) -> None:
    assert httpx.put(url, headers={"Origin": "https://example.org"}).status_code == 403
    assert httpx.get(f"{url}/file_groups", headers={"Host": "evil.example.org"}).status_code == 403
    assert httpx.get(f"{url}/file_groups").status_code == 200


def test_a_port_that_others_reach_is_refused(book: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "offizin", "mets-server", book, "--address", "0.0.0.0:0", "--home", tmp_path / "h"]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "is not loopback" in refused.stderr
