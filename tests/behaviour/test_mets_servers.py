"""METS servers as the reference's client uses them: over /tcp_mets, with a run going on, and with a capability."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from ocrd.mets_server import ClientSideOcrdMets
from ocrd_models import OcrdMets

from offizin.mets.scan import Scan
from tests.behaviour.conftest import Gate
from tests.behaviour.processes import Server


def _client(server: Server, book: Path) -> ClientSideOcrdMets:
    client = ClientSideOcrdMets(f"{server.url}/tcp_mets", str(book.parent))
    assert client.multiplexing_mode
    return client


def _add(client: ClientSideOcrdMets, name: str, page: str = "P1", group: str = "BY-HAND", **more: Any) -> None:
    client.add_file(group, ID=name, pageId=page, mimetype="text/xml", local_filename=f"{group}/{name}.xml", **more)


def test_the_stock_client_reads_and_writes_over_tcp_mets(server: Server, book: Path) -> None:
    original = OcrdMets(filename=str(book))
    client = _client(server, book)
    assert client.workspace_path == str(book.parent)
    assert client.physical_pages == original.physical_pages
    assert client.file_groups == original.file_groups
    assert [f.ID for f in client.find_files(pageId="P1..P2")] == ["IMG_1", "IMG_2"]
    _add(client, "A")
    _add(client, "B", page="P7")
    assert [f.local_filename for f in client.find_files(fileGrp="BY-HAND")] == ["BY-HAND/A.xml", "BY-HAND/B.xml"]
    assert client.physical_pages == ["P1", "P2", "P3", "P7"]
    with pytest.raises(RuntimeError, match="neither force nor ignore"):
        _add(client, "A")
    client.add_agent(name="x", _type="OTHER", role="OTHER", otherrole="r", othertype="SOFTWARE", notes=[])
    assert "writing changes" in client.save()
    assert "Reloaded" in client.reload()
    saved = OcrdMets(filename=str(book))
    assert [f.ID for f in saved.find_files(fileGrp="BY-HAND", pageId="P7")] == ["B"]
    assert [agent.name for agent in saved.agents] == [agent.name for agent in client.agents] == ["x"]
    assert "shut down" in client.stop()
    assert client.physical_pages


def test_a_later_run_uses_what_was_added(server: Server, book: Path) -> None:
    client = _client(server, book)
    for number in (1, 2, 3):
        name = f"BY-HAND/H{number}.png"
        client.add_file("BY-HAND", ID=f"H{number}", pageId=f"P{number}", mimetype="image/png", local_filename=name)
        shutil.copyfile(book.parent / "OCR-D-IMG" / f"IMG_{number}.png", book.parent / name)
    job = server.run_job(book, input_file_grps=["BY-HAND"], output_file_grps=["OUT"])
    assert server.wait_for_job(job)["state"] == "SUCCESS"
    groups = {file.file_grp for file in Scan(book.read_bytes(), book).contents().files}
    assert groups == {"OCR-D-IMG", "BY-HAND", "OUT"}


def test_nothing_is_added_where_a_live_job_writes(server: Server, book: Path, gate: Gate) -> None:
    job = server.run_job(book, "ocrd-scripted", output_file_grps=["OUT"], parameters=gate.parameters)
    client = _client(server, book)
    with pytest.raises(RuntimeError, match="which is not over"):
        _add(client, "X", group="OUT")
    _add(client, "Y")
    gate.lift()
    assert server.wait_for_job(job)["state"] == "SUCCESS"
    found = {file.id: file.file_grp for file in Scan(book.read_bytes(), book).contents().files}
    assert found["Y"] == "BY-HAND"
    assert "X" not in found


def test_many_clients_at_once_lose_nothing(server: Server, book: Path) -> None:
    def add(number: int) -> None:
        _add(_client(server, book), f"N{number}", page=f"P{1 + number % 3}")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, range(80)))
    client = _client(server, book)
    assert {f.ID for f in client.find_files(fileGrp="BY-HAND")} == {f"N{number}" for number in range(80)}
    client.save()
    files = Scan(book.read_bytes(), book).contents().files
    assert sum(file.file_grp == "BY-HAND" for file in files) == 80


@pytest.mark.only("embedded", because="a capability is the same everywhere")
def test_a_capability_that_was_never_given_opens_nothing(server: Server, book: Path) -> None:
    body = {"workspace_path": str(book.parent), "method_type": "GET", "response_type": "dict", "request_url": "agent"}
    answer = httpx.post(f"{server.url}/tcp_mets/{'x' * 43}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
