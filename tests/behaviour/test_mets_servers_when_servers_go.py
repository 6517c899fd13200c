"""METS servers when a server is killed, and when another server owns the workspace."""

from __future__ import annotations

from pathlib import Path

import pytest
from ocrd.mets_server import ClientSideOcrdMets
from ocrd_models import OcrdMets

from tests.behaviour.books import make_book
from tests.behaviour.conftest import Gate
from tests.behaviour.processes import Server
from tests.behaviour.sizes import EMBEDDED, Place
from tests.behaviour.test_several_servers import Servers, servers, until_running, waiting_at  # noqa: F401 (a fixture)


def _client(server: Server, book: Path) -> ClientSideOcrdMets:
    return ClientSideOcrdMets(f"{server.url}/tcp_mets", str(book.parent))


def _add(client: ClientSideOcrdMets, name: str, page: str, group: str = "BY-HAND") -> None:
    client.add_file(group, ID=name, pageId=page, mimetype="text/xml", local_filename=f"{group}/{name}.xml")


@pytest.mark.only(EMBEDDED, because="what is committed is committed in every database")
def test_what_was_answered_outlives_a_kill(own_place: Place, book: Path) -> None:
    server = own_place.server()
    for number in (1, 2, 3):
        _add(_client(server, book), f"N{number}", f"P{number}")
    server.kill()
    assert "BY-HAND" not in book.read_text()
    again = own_place.server()
    client = _client(again, book)
    assert [file.ID for file in client.find_files(fileGrp="BY-HAND")] == ["N1", "N2", "N3"]
    with pytest.raises(RuntimeError, match="neither force nor ignore"):
        _add(client, "N1", "P1")
    _add(client, "N4", "P1")
    client.save()
    assert len(OcrdMets(filename=str(book)).find_all_files(fileGrp="BY-HAND")) == 4
    assert again.stop() == 0


def test_any_server_adds_to_what_another_one_owns(
    servers: Servers,  # noqa: F811
    gate: Gate,
    tmp_path: Path,
) -> None:
    book = make_book(tmp_path / "book", 2)
    one, two = servers.start("one"), servers.start("two")
    run = one.run_workflow(book, waiting_at(gate))["job_id"]
    until_running(one, run)
    _add(_client(two, book), "N1", "P1")
    assert [file.ID for file in _client(one, book).find_files(fileGrp="BY-HAND")] == ["N1"]
    with pytest.raises(RuntimeError, match="which is not over"):
        _add(_client(two, book), "N2", "P1", group="OCR-D-B")
    gate.lift()
    assert two.wait_for_run(run) == "SUCCESS"
    assert [file.ID for file in OcrdMets(filename=str(book)).find_files(fileGrp="BY-HAND")] == ["N1"]
    assert [one.stop(), two.stop()] == [0, 0]
