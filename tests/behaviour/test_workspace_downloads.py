"""Workspaces come back as OCRD-ZIP; the reference takes ours, and we take the reference's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.behaviour.conftest import Gate
from tests.behaviour.processes import Server
from tests.behaviour.sizes import EMBEDDED
from tests.behaviour.test_workspace_uploads import upload, uploaded
from tests.behaviour.test_workspaces import known_by_path, run_on
from tests.behaviour.zips import OCRD_ZIP, bag, contents, packed, unpacked

AS_ZIP = {"Accept": OCRD_ZIP["Content-Type"]}


def downloaded(server: Server, url: str) -> dict[str, bytes]:
    answer = server.client.get(url, headers=AS_ZIP)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == AS_ZIP["Accept"]
    return unpacked(answer.content)


def payload(members: dict[str, bytes]) -> dict[str, bytes]:
    return {name.removeprefix("data/"): content for name, content in members.items() if name.startswith("data/")}


def ocrd(*arguments: object) -> str:
    """The reference's command line."""
    done = subprocess.run(
        [Path(sys.executable).with_name("ocrd"), *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_workspace_comes_back_with_its_results(server: Server, book: Path) -> None:
    workspace = uploaded(server, book)
    run_on(server, workspace["workspace_id"])
    members = downloaded(server, workspace["@id"])
    assert payload(members) == contents(Path(workspace["path_to_mets"]).parent)
    assert sum(name.startswith("data/OCR-D-OUT/") for name in members) == 3
    again = upload(server, packed(members))
    assert (again.status_code, again.json()["file_grps"]) == (201, ["OCR-D-IMG", "OCR-D-OUT"])


@pytest.mark.only(EMBEDDED, because="it is all about the zip")
def test_the_reference_takes_our_zip_and_we_take_its(server: Server, book: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.ocrd.zip"
    ocrd("zip", "bag", "-d", book.parent, "-i", "urn:x:1", theirs)
    workspace = upload(server, theirs.read_bytes())
    assert workspace.status_code == 201, workspace.text
    assert workspace.json()["description"] == "urn:x:1"
    ours = tmp_path / "ours.ocrd.zip"
    ours.write_bytes(server.client.get(workspace.json()["@id"], headers=AS_ZIP).content)
    assert "OK" in ocrd("zip", "validate", ours)
    ocrd("zip", "spill", ours, "-d", tmp_path / "spilled")
    spilled = contents(tmp_path / "spilled")
    assert payload(unpacked(theirs.read_bytes())) == spilled


@pytest.mark.only(EMBEDDED, because="it is all about the zip")
def test_a_bag_says_of_which_bag_it_was_made(server: Server, book: Path) -> None:
    import hashlib

    first = bag(book.parent)
    members = downloaded(server, uploaded(server, book)["@id"])
    info = dict(line.split(": ", 1) for line in members["bag-info.txt"].decode().splitlines())
    assert info["Ocrd-Base-Version-Checksum"] == hashlib.sha512(first["manifest-sha512.txt"]).hexdigest()
    files = contents(book.parent)
    assert info["Payload-Oxum"] == f"{sum(map(len, files.values()))}.{len(files)}"


@pytest.mark.only(EMBEDDED, because="it is all about the header")
@pytest.mark.parametrize(("accept", "answered"), [
    ("application/vnd.ocrd+zip", "application/vnd.ocrd+zip"), ("application/zip", "application/zip"),
    ("*/*", "application/json"), ("application/json, application/zip;q=0.5", "application/json"),
    ("application/json;q=0.1, application/*;q=0.2, application/zip;q=x", "application/vnd.ocrd+zip"),
    ("text/html", "application/json"), ("", "application/json"), (";;=,q", "application/json"),
])  # fmt: skip
def test_the_client_says_in_what_form_it_wants_a_workspace(
    server: Server, book: Path, accept: str, answered: str
) -> None:
    workspace = uploaded(server, book)
    answer = server.client.get(workspace["@id"], headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, answered)


def test_results_that_are_not_saved_yet_are_in_it(server: Server, book: Path, gate: Gate) -> None:
    workspace = uploaded(server, book)
    where = f"-P mode wait -P where {gate.path}"
    workflow = f"dummy -I OCR-D-IMG -O OCR-D-OUT\nscripted -I OCR-D-OUT -O OCR-D-MORE {where}"
    run = server.run_workflow(Path(workspace["path_to_mets"]), workflow)["job_id"]
    for event in server.events(after=0, run=run):
        if any(change["job"] and change["state"] == "SUCCESS" for change in event["changes"]):
            break
    members = downloaded(server, workspace["@id"])
    assert members["data/mets.xml"].count(b"OCR-D-OUT/") == 3
    assert sum(name.startswith("data/OCR-D-OUT/") for name in members) == 3
    gate.lift()
    assert server.wait_for_run(run) == "SUCCESS"
    assert sum(name.startswith("data/OCR-D-MORE/") for name in downloaded(server, workspace["@id"])) == 3


@pytest.mark.only(EMBEDDED, because="it is all about the files")
def test_what_the_mets_lists_comes_along_and_nothing_else(server: Server, book: Path) -> None:
    (book.parent / "notes.txt").write_text("not in the METS")
    run = server.run_workflow(book, "dummy -I OCR-D-IMG -O OCR-D-OUT", page_id="P2")["job_id"]
    assert server.wait_for_run(run) == "SUCCESS"
    workspace = known_by_path(server, book)
    assert "data/notes.txt" not in downloaded(server, workspace["@id"])
    (book.parent / "OCR-D-IMG/IMG_1.png").unlink()
    refused = server.client.get(workspace["@id"], headers=AS_ZIP)
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert "IMG_1.png" in refused.json()["detail"]
