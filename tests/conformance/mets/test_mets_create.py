"""New METS files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from offizin.errors import Conflict
from offizin.messages import Delta, File
from offizin.mets.create import NewPage, create
from offizin.mets.index import MetsIndex
from offizin.mets.save import save

PAGES = [
    NewPage("p2", [File("I2", "IMG", "image/tiff", "p2", "IMG/2 ü&.tif")], order=1, order_label="ii"),
    NewPage(
        "p1", [File("I1", "IMG", "image/tiff", "p1", "IMG/1.tif"), File("T1", "THUMBS", "image/png", "p1", "t.png")]
    ),
    NewPage("p3", []),
]


def test_what_is_created_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "mets.xml"
    create(path, PAGES, "Kant & <Söhne>", created=0.0)
    index = MetsIndex.read(path)
    assert index.pages == ["p2", "p1", "p3"]
    assert index.file_groups == ["IMG", "THUMBS"]
    assert index.unique_identifier == "Kant & <Söhne>"
    assert index.slice(index.pages).files == [PAGES[0].files[0], *PAGES[1].files]
    text = path.read_text()
    assert 'CREATEDATE="1970-01-01T00:00:00Z"' in text
    assert '<mets:div TYPE="page" ID="p2" ORDER="1" ORDERLABEL="ii">' in text
    assert [entry.name for entry in tmp_path.iterdir()] == ["mets.xml"]


def test_it_can_be_saved_to(tmp_path: Path) -> None:
    path = tmp_path / "mets.xml"
    create(path, PAGES, "x")
    index = MetsIndex.read(path)
    delta = Delta([File("O3", "OCR", "text/xml", "p3", "OCR/3.xml")])
    index.apply(delta)
    save(path, [delta], index.stamp)
    assert MetsIndex.read(path).slice(["p3"]) == index.slice(["p3"])


@pytest.mark.parametrize("hard_links", [True, False])
def test_an_existing_file_is_never_overwritten(
    tmp_path: Path, hard_links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not hard_links:

        def no_links(*_: object, **__: object) -> None:
            raise PermissionError

        monkeypatch.setattr(os, "link", no_links)
        monkeypatch.setattr(Path, "hardlink_to", no_links)
    path = tmp_path / "mets.xml"
    create(path, PAGES, "first")
    before = path.read_bytes()
    with pytest.raises(Conflict):
        create(path, PAGES, "second")
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["mets.xml"]
