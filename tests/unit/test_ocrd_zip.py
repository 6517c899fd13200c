"""What goes into an OCRD-ZIP, and what it costs."""

from __future__ import annotations

import hashlib
import tracemalloc
from pathlib import Path

import pytest

from offizin.errors import Conflict
from offizin.workspaces.ocrd_zip import ocrd_zip, packing
from tests.behaviour.books import make_book
from tests.behaviour.zips import unpacked

MIB = 1024 * 1024


def made(mets: Path) -> dict[str, bytes]:
    return unpacked(b"".join(ocrd_zip(packing(mets), "a-book", "", 1.0)))


def test_manifests_tell_of_every_file(tmp_path: Path) -> None:
    members = made(make_book(tmp_path / "book", 2))
    told = dict(reversed(line.split("  ")) for line in members["manifest-sha512.txt"].decode().splitlines())
    payload = {name: content for name, content in members.items() if name.startswith("data/")}
    assert told == {name: hashlib.sha512(content).hexdigest() for name, content in payload.items()}
    of_tags = dict(reversed(line.split("  ")) for line in members["tagmanifest-sha512.txt"].decode().splitlines())
    tags = {name: content for name, content in members.items() if name in of_tags}
    assert of_tags == {name: hashlib.sha512(content).hexdigest() for name, content in tags.items()}
    assert len(of_tags) == 3


@pytest.mark.parametrize("name", ["../secret", "{tmp_path}/secret"])
def test_a_file_from_outside_does_not_come_along(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_text("a secret")
    mets = make_book(tmp_path / "book", 1)
    mets.write_text(mets.read_text().replace("OCR-D-IMG/IMG_1.png", name.format(tmp_path=tmp_path)))
    with pytest.raises(Conflict, match="secret"):
        packing(mets)


def test_a_link_to_the_outside_does_not_come_along(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a secret")
    mets = make_book(tmp_path / "book", 1)
    (mets.parent / "OCR-D-IMG/IMG_1.png").unlink()
    (mets.parent / "OCR-D-IMG/IMG_1.png").symlink_to(tmp_path / "secret")
    with pytest.raises(Conflict, match="IMG_1"):
        packing(mets)


def test_a_file_that_is_elsewhere_too_is_left_there(tmp_path: Path) -> None:
    mets = make_book(tmp_path / "book", 1)
    url = '<mets:FLocat LOCTYPE="URL" xlink:href="http://host/1.png"/></mets:file>'
    mets.write_text(mets.read_text().replace("</mets:file>", url))
    (mets.parent / "OCR-D-IMG/IMG_1.png").unlink()
    assert [name for name in made(mets) if name.startswith("data/")] == ["data/mets.xml"]


def test_a_big_file_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    mets = make_book(tmp_path / "book", 1)
    with (mets.parent / "OCR-D-IMG/IMG_1.png").open("wb") as image:
        image.truncate(100 * MIB)  # of no bytes on the disk
    what = packing(mets)
    tracemalloc.start()
    size = sum(len(part) for part in ocrd_zip(what, "a-book", "", 1.0))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 100 * MIB
    assert peak < 10 * MIB
