"""Workspaces are made of images that are sent, and of a METS that is fetched."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.behaviour.books import make_book
from tests.behaviour.processes import Server
from tests.behaviour.sizes import EMBEDDED
from tests.behaviour.test_workspace_uploads import places
from tests.behaviour.test_workspaces import run_on

pytestmark = pytest.mark.only(EMBEDDED, because="it is all about what comes in")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/elsewhere":
            self.send_response(302)
            self.send_header("Location", "/mets.xml")
            self.end_headers()
        else:
            super().do_GET()


@pytest.fixture
def library(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The URL of a METS, and its path: its images have paths relative to it."""
    mets = make_book(tmp_path / "library", 2)
    serving = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(mets.parent)))
    threading.Thread(target=serving.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{serving.server_port}/mets.xml", mets
    serving.shutdown()
    serving.server_close()


def image(tmp_path: Path, number: int) -> bytes:
    mets = make_book(tmp_path / f"book-{number}", 1)
    return (mets.parent / "OCR-D-IMG/IMG_1.png").read_bytes()


def test_images_become_pages(server: Server, tmp_path: Path) -> None:
    files = [("images", (f"page{number}.png", image(tmp_path, number))) for number in (1, 10, 2)]
    answer = server.client.post("/workspace", files=files, data={"description": "three", "identifier": "urn:x:1"})
    assert answer.status_code == 201, answer.text
    workspace = answer.json()
    assert (workspace["pages"], workspace["file_grps"], workspace["description"]) == (3, ["OCR-D-IMG"], "three")
    assert "urn:x:1" in Path(workspace["path_to_mets"]).read_text()
    run_on(server, workspace["workspace_id"])


@pytest.mark.parametrize("names", [["a.png", "a.png"], ["a.txt"], ["../../a"], [".."], ["", "b.png"], ["a\0.png"]])
def test_files_that_are_no_images_are_refused(server: Server, tmp_path: Path, names: list[str]) -> None:
    before = places(server) if (server.home / "workspaces").exists() else set()
    body = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="images"; filename="%b"\r\n\r\nno image\r\n' % name.encode()
        for name in names
    )
    form = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = server.client.post("/workspace", content=body + b"--b--\r\n", headers=form)
    assert (answer.status_code, answer.json()["code"]) == (400, "workspace_invalid")
    assert str(server.home) not in answer.text
    assert places(server) == before


def test_a_mets_is_fetched_with_its_images(server: Server, library: tuple[str, Path]) -> None:
    url, mets = library
    digest = hashlib.md5((mets.parent / "OCR-D-IMG/IMG_1.png").read_bytes(), usedforsecurity=False).hexdigest()
    mets.write_text(mets.read_text().replace('ID="IMG_1"', f'ID="IMG_1" CHECKSUM="{digest}" CHECKSUMTYPE="MD5"'))
    answer = server.client.post("/workspace", json={"mets_url": url, "description": "from afar"})
    assert answer.status_code == 201, answer.text
    directory = Path(answer.json()["path_to_mets"]).parent
    assert (directory / "OCR-D-IMG/IMG_1.png").read_bytes() == (mets.parent / "OCR-D-IMG/IMG_1.png").read_bytes()
    [first, _] = server.client.get(f"{answer.json()['@id']}/files").json()["files"]
    assert (first["path"], first["url"]) == ("OCR-D-IMG/IMG_1.png", url.replace("mets.xml", "OCR-D-IMG/IMG_1.png"))
    run_on(server, answer.json()["workspace_id"])


def test_files_of_other_groups_keep_their_url(server: Server, library: tuple[str, Path]) -> None:
    answer = server.client.post("/workspace", json={"mets_url": library[0], "file_grps": []})
    assert answer.status_code == 201, answer.text
    files = server.client.get(f"{answer.json()['@id']}/files").json()["files"]
    assert [each["path"] for each in files] == [None, None]
    assert all(each["url"].startswith("http://127.0.0.1:") for each in files)
    kept = server.client.get(f"{answer.json()['@id']}/file/IMG_1")
    assert (kept.status_code, kept.json()["code"]) == (404, "not_found")
    assert files[0]["url"] in kept.json()["hint"]


@pytest.mark.parametrize(("asked", "status"), [
    ({"mets_url": "file:///etc/passwd"}, 422), ({"mets_url": "ftp://x/mets.xml"}, 422), ({"mets_url": ""}, 422),
    ({"mets_url": "http://169.254.169.254/latest/meta-data"}, 403), ({}, 422), ({"mets_url": 1}, 422),
    ({"mets_url": "http://127.0.0.1:1/mets.xml"}, 400), ({"mets_url": "{library}/../none"}, 400),
    ({"mets_url": "{library}/../elsewhere"}, 400), ({"mets_url": "{library}", "file_grps": ["NO"]}, 400),
    ({"mets_url": "{library}/../OCR-D-IMG/IMG_1.png"}, 400), ({"mets_url": "{library}", "more": 1}, 422),
])  # fmt: skip
def test_what_cannot_be_fetched_is_told(
    server: Server, library: tuple[str, Path], asked: dict[str, Any], status: int
) -> None:
    if "{library}" in str(asked.get("mets_url")):
        asked = asked | {"mets_url": asked["mets_url"].replace("{library}/..", library[0].rpartition("/")[0])}
        asked = asked | {"mets_url": asked["mets_url"].replace("{library}", library[0])}
    answer = server.client.post("/workspace", json=asked)
    assert answer.status_code == status, answer.text
    assert {"detail", "code", "hint"} <= answer.json().keys()


def test_an_image_that_is_not_what_the_mets_says_is_refused(server: Server, library: tuple[str, Path]) -> None:
    url, mets = library
    mets.write_text(mets.read_text().replace('ID="IMG_2"', 'ID="IMG_2" CHECKSUM="00" CHECKSUMTYPE="SHA-1"'))
    answer = server.client.post("/workspace", json={"mets_url": url})
    assert (answer.status_code, answer.json()["code"]) == (400, "workspace_invalid")
    assert "IMG_2.png cannot be had: its sha1 is" in answer.json()["detail"]


@pytest.mark.parametrize("body", [
    b"", b"{", b"[" * 30_000, b'{"mets_url": "\\ud800"}', b"\xff", b"null", b'"text"', b"x" * 100_000,
    b'{"mets_url": "http://host/\\u0000"}', b'{"mets_url": "http://host/", "file_grps": "x"}',
])  # fmt: skip
def test_a_body_that_is_no_request_is_refused(server: Server, body: bytes) -> None:
    answer = server.client.post("/workspace", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (413, 422), answer.text
    assert {"detail", "code", "hint"} <= answer.json().keys()


def test_control_characters_of_a_form_do_no_harm(server: Server, tmp_path: Path) -> None:
    said = {"description": "a\0b\n", "identifier": "c\0d\x1b"}
    answer = server.client.post("/workspace", files={"images": ("a.png", image(tmp_path, 1))}, data=said)
    assert (answer.status_code, answer.json()["description"]) == (201, "a\\x00b\\n")
