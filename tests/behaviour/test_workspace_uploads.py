"""Workspaces are uploaded as OCRD-ZIP and used by their ids; what is not whole leaves nothing behind."""

from __future__ import annotations

import signal
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.behaviour.books import make_book
from tests.behaviour.conftest import Gate
from tests.behaviour.processes import Server
from tests.behaviour.sizes import EMBEDDED, Place
from tests.behaviour.test_workspaces import run_on
from tests.behaviour.zips import OCRD_ZIP, bag, contents, packed

Members = dict[str, bytes]
MIB = 1024 * 1024


def upload(server: Server, content: bytes) -> httpx.Response:
    return server.client.post("/workspace", content=content, headers=OCRD_ZIP)


def uploaded(server: Server, mets: Path) -> dict[str, Any]:
    answer = upload(server, packed(bag(mets.parent)))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def places(server: Server) -> set[str]:
    """What lies where uploads come in."""
    return {entry.name for entry in (server.home / "workspaces").iterdir()}


def test_an_uploaded_workspace_is_there_and_can_be_worked_on(server: Server, book: Path) -> None:
    answer = upload(server, packed(bag(book.parent)))
    workspace = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, workspace["@id"])
    assert (workspace["managed"], workspace["pages"], workspace["description"]) == (True, 3, "a-book")
    directory = Path(workspace["path_to_mets"]).parent
    assert contents(directory) == contents(book.parent)
    assert server.client.get(workspace["@id"]).json() == workspace
    run = run_on(server, workspace["workspace_id"])
    body = {"path_to_mets": str(directory / "mets.xml"), "input_file_grps": ["OCR-D-OUT"], "output_file_grps": ["B"]}
    job = server.client.post("/processor/run/ocrd-dummy", json=body).json()["job_id"]
    assert server.wait_for_job(job)["workspace_id"] == workspace["workspace_id"] == run["workspace_id"]
    assert len(contents(directory / "OCR-D-OUT")) == 3
    assert not [name for name in places(server) if name.startswith(".")]


def test_a_workspace_comes_in_a_form_too(server: Server, book: Path) -> None:
    form = {"workspace": ("book.ocrd.zip", packed(bag(book.parent)), "application/vnd.ocrd+zip")}
    answer = server.client.post("/workspace", files=form, data={"description": "Bücher & ſ"})
    assert answer.status_code == 201, answer.text
    assert answer.json()["description"] == "Bücher & ſ"


@pytest.mark.only(EMBEDDED, because="it is all about the zip")
@pytest.mark.parametrize("prefix", ["", "my-book/", "deep/down/"])
def test_a_zip_of_a_directory_is_taken(server: Server, book: Path, prefix: str) -> None:
    answer = upload(server, packed(contents(book.parent, prefix) | {"__MACOSX/x": b""}))
    assert answer.status_code == 201, answer.text
    assert contents(Path(answer.json()["path_to_mets"]).parent) == contents(book.parent)


@pytest.mark.only(EMBEDDED, because="it is all about the zip")
def test_a_mets_of_another_name_becomes_mets_xml(server: Server, book: Path) -> None:
    book.rename(book.with_name("other.xml"))
    answer = upload(server, packed(bag(book.parent, "Ocrd-Identifier: x\nOcrd-Mets: other.xml\n")))
    assert answer.status_code == 201, answer.text
    assert Path(answer.json()["path_to_mets"]).is_file()


def without(name: str) -> Callable[[Members], Members]:
    return lambda members: {key: content for key, content in members.items() if key != name}


def other(name: str, content: bytes) -> Callable[[Members], Members]:
    return lambda members: members | {name: content}


BROKEN: dict[str, tuple[Callable[[Members], Members], str]] = {
    "a member is another": (other("data/OCR-D-IMG/IMG_1.png", b"x"), "IMG_1.png"),
    "a member is missing": (without("data/OCR-D-IMG/IMG_1.png"), "IMG_1.png"),
    "a member is too much": (other("data/more", b"x"), "data/more"),
    "no manifest": (without("manifest-sha512.txt"), "manifest"),
    "no identifier": (other("bag-info.txt", b"X: y\n"), "Ocrd-Identifier"),
    "no METS": (other("bag-info.txt", b"Ocrd-Identifier: x\nOcrd-Mets: no.xml\n"), "'no.xml'"),
    "METS elsewhere": (other("bag-info.txt", b"Ocrd-Identifier: x\nOcrd-Mets: ../bagit.txt\n"), "no METS"),
    "fetch.txt": (other("fetch.txt", b"http://127.0.0.1/x 1 data/y\n"), "fetch.txt"),
    "another version": (other("bagit.txt", b"BagIt-Version: 0.97\nTag-File-Character-Encoding: UTF-8\n"), "0.97"),
    "no encoding": (other("bagit.txt", b"BagIt-Version: 1.0\n"), "Tag-File-Character-Encoding"),
    "no UTF-8": (other("bag-info.txt", b"Ocrd-Identifier: \xff\n"), "bag"),
    "a way out": (other("../up", b"x"), "'../up'"),
    "manifest of elsewhere": (other("manifest-sha512.txt", b"00  ../../../etc/passwd\n"), "bag"),
}


@pytest.mark.only(EMBEDDED, because="it is all about the zip")
@pytest.mark.parametrize("fault", BROKEN)
def test_a_bag_that_is_not_valid_is_refused(server: Server, book: Path, fault: str) -> None:
    change, named = BROKEN[fault]
    before = places(server) if (server.home / "workspaces").exists() else set()
    answer = upload(server, packed(change(bag(book.parent))))
    assert (answer.status_code, answer.json()["code"]) == (400, "workspace_invalid")
    assert named in answer.json()["detail"]
    assert places(server) == before


def elsewhere(name: str) -> Callable[[Members], Members]:
    """The METS says that a file is there."""
    return lambda members: members | {"mets.xml": members["mets.xml"].replace(b"OCR-D-IMG/IMG_1.png", name.encode())}


WRONG: dict[str, tuple[Callable[[Members], Members], str]] = {
    "no METS": (without("mets.xml"), "mets.xml"),
    "two METS": (other("more/mets.xml", b"<x/>"), "2 files mets.xml"),
    "METS of nothing": (other("mets.xml", b""), "METS cannot be taken"),
    "no METS at all": (other("mets.xml", b"<html/>"), "METS cannot be taken"),
    "file missing": (without("OCR-D-IMG/IMG_2.png"), "IMG_2.png"),
    "file outside": (elsewhere("../x"), "../x"),
    "file anywhere": (elsewhere("/etc/passwd"), "/etc/passwd"),
}


@pytest.mark.only(EMBEDDED, because="it is all about the zip")
@pytest.mark.parametrize("fault", WRONG)
def test_a_workspace_that_is_not_whole_is_refused(server: Server, book: Path, fault: str) -> None:
    change, named = WRONG[fault]
    answer = upload(server, packed(change(contents(book.parent))))
    assert (answer.status_code, answer.json()["code"]) == (400, "workspace_invalid")
    assert named in answer.json()["detail"]
    assert str(server.home) not in answer.text


@pytest.mark.only(EMBEDDED, because="it is all about the body")
@pytest.mark.parametrize("body", [
    {"content": b""}, {"content": b"PK nothing"}, {"content": b"<mets/>", "headers": {"Content-Type": "text/xml"}},
    {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}},
    {"content": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=b"}},
    {"content": b"--b\r\n\r\nx\r\n--b--", "headers": {"Content-Type": "multipart/form-data; boundary=b"}},
    {"files": {"other": b"PK"}}, {"files": [("workspace", b"PK"), ("workspace", b"PK")]},
    {"files": {"workspace": b"PK"}, "data": {"description": "x" * 100_000}},
])  # fmt: skip
def test_a_body_that_is_no_workspace_is_refused(server: Server, body: dict[str, Any]) -> None:
    answer = server.client.post("/workspace", **body)
    assert answer.status_code in (400, 422), answer.text
    assert {"detail", "code", "hint"} <= answer.json().keys()


@pytest.mark.only(EMBEDDED, because="it is all about the body")
def test_an_upload_that_is_too_long_is_refused(own_place: Place, book: Path) -> None:
    server = own_place.server(upload_limit=1000)
    whole = packed(bag(book.parent))
    announced = upload(server, whole)
    in_parts = server.client.post("/workspace", content=iter([whole[:800], whole[800:]]), headers=OCRD_ZIP)
    for answer in (announced, in_parts):
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert places(server) == set()
    assert server.stop() == 0


def test_an_upload_that_breaks_off_leaves_nothing(server: Server, book: Path) -> None:
    first = uploaded(server, book)
    before = places(server)
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        head = f"POST /workspace HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/zip\r\n"
        connection.sendall(f"{head}Content-Length: 10000000\r\n\r\n".encode() + b"x" * 1_500_000)
        wait_for(lambda: places(server) > before, server)
    wait_for(lambda: places(server) == before, server)
    assert server.client.get(first["@id"]).status_code == 200


def wait_for(condition: Callable[[], bool], server: Server) -> None:
    """Each look takes as long as an answer of the server."""
    for _ in range(10_000):
        if condition():
            return
        server.client.get("/healthz")
    raise AssertionError("it did not come about")


@pytest.mark.only(EMBEDDED, because="it is all about files in its home")
def test_what_a_killed_server_left_half_done_goes_at_the_next_start(own_place: Place, book: Path) -> None:
    server = own_place.server()
    kept = uploaded(server, book)
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        head = f"PUT /workspace/{kept['workspace_id']} HTTP/1.1\r\nHost: {host}:{port}\r\n"
        connection.sendall(f"{head}Content-Length: 10000000\r\n\r\n".encode() + b"x" * 1_500_000)
        wait_for(lambda: f".replacing-{kept['workspace_id']}" in places(server), server)
        server.signal(signal.SIGKILL)
        server.ended()
    home = server.home / "workspaces"
    # as if it had been killed between the renaming and the row
    for name in (".incoming-new", "new"):
        (home / name).mkdir()
    # and while the old one was put aside, where names cannot be exchanged
    (home / kept["workspace_id"]).rename(home / f".replacing-{kept['workspace_id']}" / "old")
    server = own_place.server()
    wait_for(lambda: places(server) == {kept["workspace_id"]}, server)
    assert server.client.get(f"/workspace/{kept['workspace_id']}").json()["pages"] == 3
    assert server.stop() == 0


def test_a_workspace_is_replaced_by_another_one(server: Server, tmp_path: Path) -> None:
    workspace = uploaded(server, make_book(tmp_path / "old", 2))
    run_on(server, workspace["workspace_id"])
    new = make_book(tmp_path / "new", 5)
    answer = server.client.put(workspace["@id"], content=packed(bag(new.parent)), headers=OCRD_ZIP)
    assert (answer.status_code, answer.json()["@id"]) == (200, workspace["@id"])
    assert (answer.json()["pages"], answer.json()["file_grps"]) == (5, ["OCR-D-IMG"])
    assert contents(Path(workspace["path_to_mets"]).parent) == contents(new.parent)
    run_on(server, workspace["workspace_id"])
    assert server.client.get(workspace["@id"]).json()["file_grps"] == ["OCR-D-IMG", "OCR-D-OUT"]


def test_a_workspace_stays_when_what_comes_is_wrong(server: Server, book: Path) -> None:
    workspace = uploaded(server, book)
    damaged = bag(book.parent) | {"data/more": b"x"}
    answer = server.client.put(workspace["@id"], content=packed(damaged), headers=OCRD_ZIP)
    assert answer.status_code == 400
    assert server.client.get(workspace["@id"]).json() == workspace
    assert contents(Path(workspace["path_to_mets"]).parent) == contents(book.parent)


def test_a_workspace_with_work_is_neither_replaced_nor_deleted(server: Server, book: Path, gate: Gate) -> None:
    workspace = uploaded(server, book)
    workflow = f"scripted -I OCR-D-IMG -O OCR-D-OUT -P mode wait -P where {gate.path}"
    run = server.run_workflow(Path(workspace["path_to_mets"]), workflow)["job_id"]
    answers = [
        server.client.put(workspace["@id"], content=packed(bag(book.parent)), headers=OCRD_ZIP),
        server.client.delete(workspace["@id"]),
    ]
    assert [(each.status_code, each.json()["code"]) for each in answers] == [(409, "workspace_in_use")] * 2
    gate.lift()
    assert server.wait_for_run(run) == "SUCCESS"
    assert server.client.get(workspace["@id"]).json()["file_grps"] == ["OCR-D-IMG", "OCR-D-OUT"]


def test_a_deleted_workspace_is_gone_with_its_files(server: Server, book: Path) -> None:
    workspace = uploaded(server, book)
    gone = server.client.delete(workspace["@id"])
    assert (gone.status_code, gone.json()["workspace_id"]) == (200, workspace["workspace_id"])
    assert not Path(workspace["path_to_mets"]).parent.exists()
    again = [
        server.client.get(workspace["@id"]),
        server.client.delete(workspace["@id"]),
        server.client.put(workspace["@id"], content=packed(bag(book.parent)), headers=OCRD_ZIP),
    ]
    assert [(each.status_code, each.json()["code"]) for each in again] == [(410, "workspace_deleted")] * 3


def test_a_workspace_can_come_under_an_id_of_the_client(server: Server, book: Path) -> None:
    answer = server.client.put(f"/workspace/faust-{book.parent.parent.name}", content=packed(bag(book.parent)))
    assert (answer.status_code, answer.json()["pages"]) == (200, 3)
    wrong = server.client.put("/workspace/.hidden", content=packed(bag(book.parent)))
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_request")


def test_files_at_a_path_of_their_own_are_not_replaced(server: Server, book: Path) -> None:
    run = server.run_workflow(book, "dummy -I OCR-D-IMG -O OCR-D-OUT")["job_id"]
    assert server.wait_for_run(run) == "SUCCESS"
    workspace = server.summary(run)["workspace_id"]
    answer = server.client.put(f"/workspace/{workspace}", content=packed(bag(book.parent)))
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


@pytest.mark.only(EMBEDDED, because="it is all about the body")
def test_a_long_upload_is_never_in_memory_as_a_whole(server: Server, book: Path, tmp_path: Path) -> None:
    (book.parent / "OCR-D-IMG/IMG_1.png").unlink()
    zipped = tmp_path / "long.zip"
    with zipfile.ZipFile(zipped, "w") as made:  # not compressed
        for name, content in contents(book.parent).items():
            made.writestr(name, content)
        with made.open("OCR-D-IMG/IMG_1.png", "w") as image:
            for _ in range(200):
                image.write(bytes(MIB))
    before = most_memory(server)
    with zipped.open("rb") as file:
        answer = server.client.post("/workspace", content=iter(lambda: file.read(MIB), b""), headers=OCRD_ZIP)
    assert answer.status_code == 201, answer.text
    with server.client.stream("GET", answer.json()["@id"], headers={"Accept": OCRD_ZIP["Content-Type"]}) as whole:
        assert sum(len(part) for part in whole.iter_raw(MIB)) > 200 * MIB
    assert most_memory(server) - before < 60 * MIB
    assert server.client.delete(answer.json()["@id"]).status_code == 200


def most_memory(server: Server) -> int:
    """The most that it ever had, in bytes (proc(5): VmHWM)."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024
