"""Workspaces that were uploaded to one of several servers on one PostgreSQL."""

from __future__ import annotations

from pathlib import Path

from tests.behaviour.books import make_book
from tests.behaviour.conftest import Gate
from tests.behaviour.test_several_servers import Servers, servers, until_running, waiting_at  # noqa: F401 (a fixture)
from tests.behaviour.test_workspace_downloads import AS_ZIP, payload
from tests.behaviour.test_workspace_uploads import uploaded
from tests.behaviour.test_workspaces import run_on
from tests.behaviour.zips import OCRD_ZIP, bag, contents, packed, unpacked


def test_any_server_gives_out_replaces_and_deletes_what_another_got(
    servers: Servers,  # noqa: F811
    gate: Gate,
    tmp_path: Path,
) -> None:
    book = make_book(tmp_path / "book", 2)
    one, two = servers.start("one"), servers.start("two")
    workspace = uploaded(one, book)
    path = f"/workspace/{workspace['workspace_id']}"
    assert two.client.get(path).json()["pages"] == 2
    # while one works on it
    run = one.run_workflow(Path(workspace["path_to_mets"]), waiting_at(gate))["job_id"]
    until_running(one, run)
    whole = two.client.get(path, headers=AS_ZIP)
    assert (whole.status_code, payload(unpacked(whole.content))["mets.xml"][:5]) == (200, b"<?xml")
    assert two.client.get(f"{path}/files").status_code == 200
    refused = [
        two.client.delete(path),
        two.client.put(path, content=packed(bag(book.parent)), headers=OCRD_ZIP),
    ]
    assert [(each.status_code, each.json()["code"]) for each in refused] == [(409, "workspace_in_use")] * 2
    gate.lift()
    assert one.wait_for_run(run) == "SUCCESS"
    # one has the METS in mind, and two changes it
    other = make_book(tmp_path / "other", 5)
    replaced = two.client.put(path, content=packed(bag(other.parent)), headers=OCRD_ZIP)
    assert (replaced.status_code, replaced.json()["pages"]) == (200, 5)
    assert contents(Path(workspace["path_to_mets"]).parent) == contents(other.parent)
    assert one.client.get(path).json()["pages"] == 5
    run_on(one, workspace["workspace_id"])
    assert two.client.get(path).json()["file_grps"] == ["OCR-D-IMG", "OCR-D-OUT"]
    assert two.client.delete(path).status_code == 200
    assert not Path(workspace["path_to_mets"]).exists()
    assert one.client.get(path).status_code == 410
    assert [one.stop(), two.stop()] == [0, 0]
