"""Single files of a workspace, and what a run has made, over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.behaviour.processes import Server
from tests.behaviour.sizes import EMBEDDED
from tests.behaviour.test_workspace_uploads import uploaded
from tests.behaviour.test_workspaces import known_by_path, run_on
from tests.behaviour.zips import unpacked

OUT = {"file_grp": "OCR-D-OUT"}
TEXT = {"Accept": "text/plain"}


def listed(server: Server, workspace: dict[str, Any], **params: Any) -> list[dict[str, Any]]:
    answer = server.client.get(f"{workspace['@id']}/files", params=params)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["files"])


def test_the_files_of_a_workspace_are_listed_and_had(server: Server, book: Path) -> None:
    workspace = uploaded(server, book)
    run_on(server, workspace["workspace_id"])
    assert len(listed(server, workspace)) == 6
    [result] = listed(server, workspace, page_id="P2", **OUT)
    [image] = listed(server, workspace, page_id="P2", file_grp="OCR-D-IMG")
    assert image["path"] == "OCR-D-IMG/IMG_2.png"
    for url in (image["@id"], f"{workspace['@id']}/files/{image['path']}"):
        answer = server.client.get(url)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
        assert answer.content == (book.parent / image["path"]).read_bytes()
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert server.client.get(result["@id"]).headers["content-type"].startswith("application/vnd.prima.page+xml")
    mets = server.client.get(f"{workspace['@id']}/files/mets.xml")
    assert (mets.status_code, mets.content) == (200, Path(workspace["path_to_mets"]).read_bytes())


def test_a_long_list_comes_in_parts(server: Server, book: Path) -> None:
    workspace = uploaded(server, book)
    first = server.client.get(f"{workspace['@id']}/files", params={"limit": 2}).json()
    second = server.client.get(f"{workspace['@id']}/files", params={"limit": 2, "offset": first["next"]}).json()
    assert [each["file_id"] for each in first["files"] + second["files"]] == ["IMG_1", "IMG_2", "IMG_3"]
    assert second["next"] is None


@pytest.mark.only(EMBEDDED, because="it is all about the headers")
def test_a_part_is_had_and_what_is_known_is_not_sent_again(server: Server, book: Path) -> None:
    workspace = uploaded(server, book)
    url = f"{workspace['@id']}/file/IMG_1"
    whole = server.client.get(url)
    part = server.client.get(url, headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, whole.content[:4])
    again = server.client.get(url, headers={"If-None-Match": whole.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert server.client.get(url, headers={"Range": "bytes=1000000-"}).status_code == 416


@pytest.mark.only(EMBEDDED, because="it is all about names")
@pytest.mark.parametrize("path", [
    "file/none", "file/IMG_1?file_grp=NO", "file/..%2F..%2Fserver", "files/OCR-D-IMG", "files/OCR-D-IMG/", "files/x",
    "files/../../server", "files/..%2f..%2fserver", "files//etc/passwd", "files/%00",
    "files/notes.txt",
])  # fmt: skip
def test_what_the_mets_does_not_list_is_not_had(server: Server, book: Path, path: str) -> None:
    workspace = uploaded(server, book)
    Path(workspace["path_to_mets"]).with_name("notes.txt").write_text("a secret")
    answer = server.client.get(f"{workspace['@id']}/{path}")
    assert answer.status_code == 404
    assert {"detail", "code", "hint"} <= answer.json().keys()


@pytest.mark.only(EMBEDDED, because="it is all about the file")
def test_a_media_type_of_somebody_makes_no_header_of_its_own(server: Server, book: Path) -> None:
    text = book.read_text().replace('MIMETYPE="image/png"', 'MIMETYPE="text/html&#13;&#10;X-Mine: 1"', 1)
    book.write_text(text)
    workspace = uploaded(server, book)
    answer = server.client.get(f"{workspace['@id']}/file/IMG_1")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/octet-stream")
    assert "x-mine" not in answer.headers


@pytest.mark.only(EMBEDDED, because="it is all about the file")
def test_a_file_that_is_gone_is_told(server: Server, book: Path) -> None:
    workspace = uploaded(server, book)
    Path(workspace["path_to_mets"]).with_name("OCR-D-IMG").joinpath("IMG_1.png").unlink()
    answer = server.client.get(f"{workspace['@id']}/file/IMG_1")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "which is not there" in answer.json()["detail"]


def test_the_results_of_a_run_come_as_a_zip(server: Server, book: Path) -> None:
    run = server.run_workflow(book, "dummy -I OCR-D-IMG -O OCR-D-A\ndummy -I OCR-D-A -O OCR-D-B", page_id="P1..P2")
    assert server.wait_for_run(run["job_id"]) == "SUCCESS"
    answer = server.client.get(f"/workflow/job/{run['job_id']}/results")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    members = unpacked(answer.content)
    assert {Path(name).parent.name for name in members} == {"OCR-D-A", "OCR-D-B"}
    assert len(members) == 4
    assert all(content == (book.parent / name).read_bytes() for name, content in members.items())


def test_the_text_of_a_run_comes_as_text(server: Server, book: Path) -> None:
    run = server.run_workflow(book, "dummy -I OCR-D-IMG -O OCR-D-A", page_id="P1..P2")["job_id"]
    assert server.wait_for_run(run) == "SUCCESS"
    page = known_by_path(server, book)
    for each in listed(server, page, file_grp="OCR-D-A"):
        unicode = f"<TextEquiv><Unicode>of {each['page_id']}</Unicode></TextEquiv>"
        text = f"<PcGts><Page><TextRegion id='r'>{unicode}</TextRegion></Page></PcGts>"
        (book.parent / each["path"]).write_text(text)
    answer = server.client.get(f"/workflow/job/{run}/results", headers=TEXT)
    assert (answer.status_code, answer.text) == (200, "=== P1 ===\nof P1\n\n=== P2 ===\nof P2\n"), answer.text


def test_what_has_no_results_says_so(server: Server, book: Path) -> None:
    unknown = server.client.get("/workflow/job/none/results")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "run_unknown")
    run = server.run_workflow(book, "scripted -I OCR-D-IMG -O OCR-D-A -P mode fail -P where P1", page_id="P1")["job_id"]
    assert server.wait_for_run(run) == "FAILED"
    for headers in ({}, TEXT):
        answer = server.client.get(f"/workflow/job/{run}/results", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
