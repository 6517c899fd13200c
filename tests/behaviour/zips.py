"""Zips of workspaces, as people send them."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

OCRD_ZIP = {"Content-Type": "application/vnd.ocrd+zip"}
BAGIT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"


def contents(directory: Path, prefix: str = "") -> dict[str, bytes]:
    """All files of a directory, by their names."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return {prefix + str(path.relative_to(directory)): path.read_bytes() for path in files}


def packed(members: Mapping[str, bytes]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return written.getvalue()


def unpacked(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as made:
        assert made.testzip() is None
        return {name: made.read(name) for name in made.namelist() if not name.endswith("/")}


def bag(workspace: Path, info: str = "Ocrd-Identifier: a-book\n") -> dict[str, bytes]:
    """The members of an OCRD-ZIP, written down from its specification."""
    payload = contents(workspace, "data/")
    manifest = "".join(f"{hashlib.sha512(content).hexdigest()}  {name}\n" for name, content in payload.items())
    return {"bagit.txt": BAGIT, "bag-info.txt": info.encode(), "manifest-sha512.txt": manifest.encode(), **payload}
