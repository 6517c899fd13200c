"""``offizin workspace``, with a server and without one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.behaviour.processes import ROOT, Server
from tests.behaviour.sizes import EMBEDDED
from tests.behaviour.zips import bag, contents, packed, unpacked

pytestmark = pytest.mark.only(EMBEDDED, because="commands talk to a server alike, whatever its size")


def offizin(*arguments: object, code: int = 0) -> str:
    """What the command has printed; what it has said is wrong, if it fails as it should."""
    done = subprocess.run(
        [sys.executable, "-m", "offizin", "workspace", *map(str, arguments)],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def test_a_workspace_goes_to_a_server_and_comes_back(server: Server, book: Path, tmp_path: Path) -> None:
    at = ("--server", server.url)
    added = json.loads(offizin("add", book.parent, "--description", "Faust, 1808", "--json", *at))
    assert (added["pages"], added["description"], added["managed"]) == (3, "Faust, 1808", True)
    listed = json.loads(offizin("list", "--json", *at))
    assert added["workspace_id"] in [each["workspace_id"] for each in listed]
    output = tmp_path / "back.ocrd.zip"
    offizin("get", added["workspace_id"], "-o", output, *at)
    back = {name.removeprefix("data/"): content for name, content in unpacked(output.read_bytes()).items()}
    assert contents(book.parent).items() <= back.items()
    assert "exists already" in offizin("get", added["workspace_id"], "-o", output, *at, code=4)
    assert "with its files" in offizin("delete", added["workspace_id"], *at)
    assert "was deleted" in offizin("get", added["workspace_id"], "-o", tmp_path / "x", *at, code=3)
    assert not (tmp_path / "x").exists()


def test_workspaces_of_a_home_need_no_server(book: Path, tmp_path: Path) -> None:
    home = ("--home", tmp_path / "home")
    zipped = tmp_path / "book.ocrd.zip"
    zipped.write_bytes(packed(bag(book.parent)))
    assert "No workspaces" in offizin("list", *home)
    assert ": 3 pages in OCR-D-IMG" in offizin("add", zipped, *home)
    assert "a-book" in offizin("list", *home)


def test_what_cannot_be_added_is_told(server: Server, tmp_path: Path) -> None:
    at = ("--server", server.url)
    (tmp_path / "no.zip").write_bytes(b"no zip")
    assert "is no zip" in offizin("add", tmp_path / "no.zip", *at, code=2)
    assert "does not exist" in offizin("add", tmp_path / "none", *at, code=3)
    assert "mets.xml" in offizin("add", tmp_path, *at, code=3)
    assert "cannot be had" in offizin("add", "http://127.0.0.1:1/mets.xml", *at, code=2)
    assert "there is no workspace none" in offizin("delete", "none", *at, code=3)
