"""Files that nothing lists any more: which they are, and when they are deleted."""

from __future__ import annotations

from pathlib import Path

from offizin.messages import File
from offizin.mets.orphans import delete_orphans, listed_paths, orphans_of


def file(path: str) -> File:
    return File(path.replace("/", "_"), "OCR", "image/png", "P1", path)


def write(directory: Path, *names: str) -> None:
    for name in names:
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(name)


OLD = [file("OCR/page.xml"), file("OCR/line1.png"), file("./OCR/line2.png")]


def test_what_is_not_made_again_is_an_orphan(tmp_path: Path) -> None:
    write(tmp_path, "OCR/page.xml", "OCR/line1.png", "OCR/line2.png")
    found = orphans_of(tmp_path, OLD, [file("OCR/page.xml"), file("OCR/line1.png")])
    assert [orphan.path for orphan in found] == ["OCR/line2.png"]
    assert delete_orphans(tmp_path, found, set()) == [tmp_path / "OCR/line2.png"]
    assert sorted(path.name for path in (tmp_path / "OCR").iterdir()) == ["line1.png", "page.xml"]
    assert delete_orphans(tmp_path, found, set()) == []


def test_what_lies_elsewhere_or_is_no_file_is_none(tmp_path: Path) -> None:
    workspace = tmp_path / "book"
    write(tmp_path, "other.png")
    (workspace / "OCR" / "directory.png").mkdir(parents=True)
    (workspace / "OCR" / "link.png").symlink_to(tmp_path / "other.png")
    names = ["../other.png", str(tmp_path / "other.png"), "OCR/../../other.png", "OCR/directory.png", "OCR/gone.png"]
    old = [file(name) for name in names] + [File("U", "OCR", "image/png", "P1", url="https://example.org/x.png")]
    assert orphans_of(workspace, old, []) == []


def test_what_was_written_again_since_or_is_listed_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path, "OCR/page.xml", "OCR/line1.png", "OCR/line2.png")
    found = orphans_of(tmp_path, OLD, [])
    write(tmp_path, "OCR/new.png")
    (tmp_path / "OCR/new.png").replace(tmp_path / "OCR/line1.png")
    assert delete_orphans(tmp_path, found, listed_paths([file("OCR/page.xml")])) == [tmp_path / "OCR/line2.png"]
    assert (tmp_path / "OCR/line1.png").read_text() == "OCR/new.png"
