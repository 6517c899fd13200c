"""Workspaces that runs have found by the path of their METS: they are known, and can be named by their ids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.behaviour.books import make_book
from tests.behaviour.conftest import Gate
from tests.behaviour.processes import Server

STEP = "dummy -I OCR-D-IMG -O OCR-D-OUT"


def known_by_path(server: Server, mets: Path) -> dict[str, Any]:
    """The workspace of this METS, as the list has it."""
    [found] = [each for each in server.client.get("/workspace").json() if each["path_to_mets"] == str(mets)]
    return dict(found)


def run_on(server: Server, workspace_id: str, workflow: str = STEP, **params: Any) -> dict[str, Any]:
    """The answer to the submission of a workflow that has ended well."""
    answer = server.client.post(
        "/workflow/run", params={"workspace_id": workspace_id, **params}, files={"workflow": ("w", workflow)}
    )
    assert answer.status_code == 200, answer.text
    assert server.wait_for_run(answer.json()["job_id"]) == "SUCCESS"
    return dict(answer.json())


def test_a_workspace_that_a_run_has_found_has_an_id(server: Server, book: Path) -> None:
    run = server.run_workflow(book, STEP)["job_id"]
    assert server.wait_for_run(run) == "SUCCESS"
    listed = known_by_path(server, book)
    shown = server.client.get(listed["@id"]).json()
    assert shown["workspace_id"] == listed["workspace_id"] == server.summary(run)["workspace_id"]
    assert (shown["pages"], shown["file_grps"], shown["managed"]) == (3, ["OCR-D-IMG", "OCR-D-OUT"], False)


def test_an_id_stands_for_the_path_of_a_mets(server: Server, book: Path) -> None:
    assert server.wait_for_run(server.run_workflow(book, STEP)["job_id"]) == "SUCCESS"
    workspace = known_by_path(server, book)["workspace_id"]
    run = run_on(server, workspace, "dummy -I OCR-D-OUT -O OCR-D-MORE", page_id="P1")
    assert (run["workspace_id"], run["path_to_mets"]) == (workspace, str(book))
    body = {"workspace_id": workspace, "input_file_grps": ["OCR-D-IMG"], "output_file_grps": ["OCR-D-JOB"]}
    job = server.client.post("/processor/run/ocrd-dummy", json=body).json()
    assert job["workspace_id"] == workspace
    assert server.wait_for_job(job["job_id"])["state"] == "SUCCESS"
    told = server.client.post(
        "/result_callback", json={"job_id": job["job_id"], "state": "SUCCESS", "workspace_id": workspace}
    )
    assert told.status_code == 200
    assert server.client.get(f"/workspace/{workspace}").json()["file_grps"][-2:] == ["OCR-D-MORE", "OCR-D-JOB"]


def test_the_list_is_read_page_by_page(server: Server, tmp_path: Path) -> None:
    for number in range(3):
        book = make_book(tmp_path / f"book-{number}", 1)
        assert server.wait_for_run(server.run_workflow(book, STEP)["job_id"]) == "SUCCESS"
    first = server.client.get("/workspace", params={"limit": 2})
    second = server.client.get(first.links["next"]["url"])
    names = [Path(each["path_to_mets"]).parent.name for each in [*first.json(), *second.json()]]
    assert names[:3] == ["book-2", "book-1", "book-0"]
    assert [len(first.json()), "next" in server.client.get("/workspace", params={"limit": 1000}).links] == [2, False]


def test_a_workspace_at_a_path_is_only_forgotten(server: Server, book: Path) -> None:
    assert server.wait_for_run(server.run_workflow(book, STEP)["job_id"]) == "SUCCESS"
    workspace = known_by_path(server, book)
    gone = server.client.delete(workspace["@id"])
    assert (gone.status_code, gone.json()["workspace_id"]) == (200, workspace["workspace_id"])
    assert book.exists()
    for again in (server.client.get(workspace["@id"]), server.client.delete(workspace["@id"])):
        assert (again.status_code, again.json()["code"]) == (410, "workspace_deleted")
    assert workspace["workspace_id"] not in [each["workspace_id"] for each in server.client.get("/workspace").json()]
    # whoever names its path makes it known again
    assert server.wait_for_run(server.run_workflow(book, STEP)["job_id"]) == "SUCCESS"
    assert known_by_path(server, book)["workspace_id"] == workspace["workspace_id"]


def test_a_workspace_with_work_is_not_deleted(server: Server, book: Path, gate: Gate) -> None:
    where = f"-P mode wait -P where {gate.path}"
    run = server.run_workflow(book, f"scripted -I OCR-D-IMG -O OCR-D-OUT {where}")["job_id"]
    workspace = known_by_path(server, book)
    refused = server.client.delete(workspace["@id"])
    assert (refused.status_code, refused.json()["code"]) == (409, "workspace_in_use")
    gate.lift()
    assert server.wait_for_run(run) == "SUCCESS"
    assert server.client.delete(workspace["@id"]).status_code == 200


def test_an_unknown_id_is_told_wherever_it_is_named(server: Server, book: Path) -> None:
    body = {"workspace_id": "none", "input_file_grps": ["OCR-D-IMG"], "output_file_grps": ["OCR-D-OUT"]}
    client = server.client
    answers = [
        client.get("/workspace/none"),
        client.delete("/workspace/none"),
        client.get("/workspace", params={"before": "none"}),
        client.post("/processor/run/ocrd-dummy", json=body),
        client.post("/workflow/run", params={"workspace_id": "none"}, files={"workflow": ("w", STEP)}),
    ]
    assert [(each.status_code, each.json()["code"]) for each in answers] == [(404, "workspace_unknown")] * 5
    both = client.post(
        "/workflow/run", params={"workspace_id": "w", "mets_path": str(book)}, files={"workflow": ("w", STEP)}
    )
    assert (both.status_code, both.json()["code"]) == (422, "invalid_request")


def test_an_id_that_can_be_none_is_no_fault_of_the_server(server: Server, book: Path) -> None:
    body = {"workspace_id": "\0", "input_file_grps": ["OCR-D-IMG"], "output_file_grps": ["OCR-D-OUT"]}
    answers = [
        server.client.get("/workspace/%00"),
        server.client.get("/workspace", params={"before": "\0"}),
        server.client.get("/workspace/%00/file/x"),
        server.client.delete("/workspace/%00"),
        server.client.put("/workspace/%00", content=b"x"),
        server.client.post("/processor/run/ocrd-dummy", json=body),
    ]
    assert [each.status_code for each in answers] == [404, 404, 404, 404, 422, 404]
    workspace = server.run_workflow(book, STEP)
    assert server.wait_for_run(workspace["job_id"]) == "SUCCESS"
    found = known_by_path(server, book)["@id"]
    for path in ("files?page_id=%00", "files?file_grp=%00", "file/%00", "files/%00"):
        assert server.client.get(f"{found}/{path}").status_code in (200, 404)
