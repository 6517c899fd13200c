from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from offizin.errors import Conflict, InvalidRequest, NotFound, Unavailable
from offizin.mets.index import MetsIndex
from offizin.workspaces import image_import
from offizin.workspaces.image_import import import_images


def draw(path: Path, mode: str = "L", dpi: tuple[int, int] | None = (300, 300), colour: int | tuple = 128) -> Path:
    image = Image.new(mode, (40, 60), colour)
    image.save(path, **({"dpi": dpi} if dpi else {}))
    return path


def draw_pages(path: Path, frames: Sequence[Image.Image], **options) -> Path:
    frames[0].save(path, save_all=True, append_images=list(frames[1:]), dpi=(300, 300), **options)
    return path


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    directory = tmp_path / "Bücher ſ 1"
    directory.mkdir()
    return directory


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return tmp_path / "book"


def test_images_become_pages_in_natural_order(scans: Path, book: Path) -> None:
    for number, ending in ((10, "tif"), (2, "png"), (1, "jpg")):
        draw(scans / f"p{number}.{ending}", colour=number)
    report = import_images([scans], book)
    assert report.mets == book / "mets.xml"
    assert [page.source.name for page in report.pages] == ["p1.jpg", "p2.png", "p10.tif"]

    index = MetsIndex.read(report.mets)
    assert index.pages == ["PHYS_0001", "PHYS_0002", "PHYS_0003"]
    files = [file for page in index.pages for file in index.files("OCR-D-IMG", page)]
    assert [(file.id, file.mimetype, file.local_filename) for file in files] == [
        ("OCR-D-IMG_0001", "image/jpeg", "OCR-D-IMG/OCR-D-IMG_0001.jpg"),
        ("OCR-D-IMG_0002", "image/png", "OCR-D-IMG/OCR-D-IMG_0002.png"),
        ("OCR-D-IMG_0003", "image/tiff", "OCR-D-IMG/OCR-D-IMG_0003.tif"),
    ]
    for page in report.pages:
        assert (book / page.image).read_bytes() == page.source.read_bytes()


def test_the_identifier_is_the_books(scans: Path, book: Path) -> None:
    draw(scans / "a.png")
    assert MetsIndex.read(import_images([scans], book, identifier="urn:nbn:1").mets).unique_identifier == "urn:nbn:1"


def test_the_identifier_is_the_workspaces_name_unless_given(scans: Path, book: Path) -> None:
    draw(scans / "a.png")
    assert MetsIndex.read(import_images([scans], book).mets).unique_identifier == "book"


def test_another_file_group_can_be_named(scans: Path, book: Path) -> None:
    draw(scans / "a.png")
    report = import_images([scans], book, file_grp="MAX")
    assert MetsIndex.read(report.mets).file_groups == ["MAX"]
    assert (book / "MAX" / "MAX_0001.png").exists()


@pytest.mark.parametrize("name", ["", "../up", "1ST", "a b"])
def test_a_file_group_that_cannot_be_a_directory_and_an_id_is_refused(scans: Path, book: Path, name: str) -> None:
    draw(scans / "a.png")
    with pytest.raises(InvalidRequest, match="file group"):
        import_images([scans], book, file_grp=name)


def test_a_tiff_of_several_pages_becomes_one_image_each(scans: Path, book: Path) -> None:
    shades = [10, 20, 30]
    draw_pages(scans / "all.tif", [Image.new("L", (40, 60), shade) for shade in shades])
    draw(scans / "after.png")
    report = import_images([scans / "all.tif", scans / "after.png"], book)
    assert [(page.source.name, page.frame) for page in report.pages] == [
        ("all.tif", 1),
        ("all.tif", 2),
        ("all.tif", 3),
        ("after.png", None),
    ]
    for page, shade in zip(report.pages, shades, strict=False):
        with Image.open(book / page.image) as image:
            assert image.n_frames == 1
            assert image.getpixel((0, 0)) == shade
            assert image.info["dpi"] == (300, 300)


def test_bitonal_pages_stay_bitonal(scans: Path, book: Path) -> None:
    draw_pages(scans / "all.tif", [Image.new("1", (40, 60), value) for value in (0, 1)], compression="group4")
    report = import_images([scans], book)
    with Image.open(book / report.pages[1].image) as image:
        assert (image.mode, image.info["compression"], image.getpixel((3, 3))) == ("1", "group4", 255)


def test_a_preview_in_a_tiff_is_no_page(scans: Path, book: Path) -> None:
    full, small = Image.new("L", (40, 60), 1), Image.new("L", (4, 6), 2)
    small.encoderinfo = {"tiffinfo": {254: 1}}
    draw_pages(scans / "with preview.tif", [full, small])
    report = import_images([scans], book)
    assert len(report.pages) == 1
    assert any("previews" in warning for warning in report.warnings)


@pytest.mark.parametrize("mode", ["CMYK", "I;16", "P", "1", "RGBA", "LA", "F"])
def test_unusual_pixels_are_kept_as_they_are(scans: Path, book: Path, mode: str) -> None:
    source = draw(scans / "a.tif", mode, colour=0)
    report = import_images([scans], book)
    assert (book / report.pages[0].image).read_bytes() == source.read_bytes()


@pytest.mark.parametrize(("mode", "told"), [("CMYK", "CMYK"), ("I;16", "8 bits"), ("L", None), ("P", None)])
def test_what_processors_may_not_read_is_told(scans: Path, book: Path, mode: str, told: str | None) -> None:
    draw(scans / "a.tif", mode, colour=0)
    warnings = import_images([scans], book).warnings
    assert (told in warnings[0]) if told else not warnings


@pytest.mark.parametrize("dpi", [None, (1, 1), (72, 72)])
def test_a_missing_resolution_is_told_once_for_all_images(scans: Path, book: Path, dpi: tuple[int, int] | None) -> None:
    for number in range(5):
        draw(scans / f"{number}.png", dpi=dpi)
    (warning,) = import_images([scans], book).warnings
    assert warning.startswith("5 images without a credible resolution")
    assert "0.png, 1.png, 2.png and 2 more" in warning


def test_a_photograph_lying_on_its_side_is_told(scans: Path, book: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("L", (40, 60)).save(scans / "a.jpg", exif=exif, dpi=(300, 300))
    assert any("rotated" in warning for warning in import_images([scans], book).warnings)


def test_the_content_decides_not_the_ending(scans: Path, book: Path) -> None:
    draw(scans / "really.png").rename(scans / "said.jpg")
    report = import_images([scans], book)
    assert report.pages[0].image == "OCR-D-IMG/OCR-D-IMG_0001.png"
    assert any("another format" in warning for warning in report.warnings)


@pytest.mark.parametrize("ending", ["tif", "png", "jpg"])
def test_an_image_that_is_cut_off_is_refused_by_name(scans: Path, book: Path, ending: str) -> None:
    draw(scans / "good.png")
    cut = scans / f"cut.{ending}"
    Image.effect_noise((200, 200), 50).save(cut)
    cut.write_bytes(cut.read_bytes()[:-5000])
    with pytest.raises(InvalidRequest, match=rf"cut\.{ending} cannot be read"):
        import_images([scans], book)
    assert not book.exists()


def test_all_images_that_cannot_be_read_are_named(scans: Path, book: Path) -> None:
    draw(scans / "good.png")
    (scans / "empty.tif").touch()
    (scans / "text.jpg").write_text("no image")
    with pytest.raises(InvalidRequest, match=r"empty\.tif.*text\.jpg"):
        import_images([scans], book)


def test_a_workspace_that_exists_is_not_touched(scans: Path, book: Path) -> None:
    draw(scans / "a.png")
    book.mkdir()
    (book / "mine.txt").write_text("mine")
    with pytest.raises(Conflict, match="exists already"):
        import_images([scans], book)
    assert [entry.name for entry in book.iterdir()] == ["mine.txt"]
    with pytest.raises(Conflict, match="exists already"):
        import_images([scans], book / "mine.txt")


def test_an_empty_directory_is_taken(scans: Path, book: Path) -> None:
    draw(scans / "a.png")
    book.mkdir()
    assert import_images([scans], book).mets.exists()


def test_parents_of_the_workspace_are_made(scans: Path, book: Path) -> None:
    draw(scans / "a.png")
    assert import_images([scans], book / "of" / "mine").mets.exists()


def test_the_workspace_can_be_read_by_whom_the_umask_lets(scans: Path, book: Path) -> None:
    draw(scans / "a.png")
    before = os.umask(0o022)
    try:
        import_images([scans], book)
    finally:
        os.umask(before)
    assert book.stat().st_mode & 0o777 == 0o755


def test_a_failed_import_leaves_nothing(scans: Path, book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw(scans / "a.png")
    draw(scans / "b.png")
    copied = []

    def copy_one(image, frame: int, target: Path) -> None:
        if copied:
            raise OSError(28, "No space left on device")
        copied.append(target)
        target.touch()

    monkeypatch.setattr(image_import, "copy_frame", copy_one)
    with pytest.raises(Unavailable, match="No space left"):
        import_images([scans], book)
    assert copied
    assert [entry.name for entry in book.parent.iterdir()] == [scans.name]


def test_an_interrupted_import_leaves_nothing(scans: Path, book: Path) -> None:
    draw(scans / "a.png")

    def interrupt(done: int, steps: int) -> None:
        if done == steps:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_images([scans], book, progress=interrupt)
    assert [entry.name for entry in book.parent.iterdir()] == [scans.name]


def test_progress_is_told_step_by_step(scans: Path, book: Path) -> None:
    for number in range(3):
        draw(scans / f"{number}.png")
    told: list[tuple[int, int]] = []
    import_images([scans], book, progress=lambda done, steps: told.append((done, steps)))
    assert told == [(done, 6) for done in range(1, 7)]


def test_a_source_that_is_not_there_is_named(scans: Path, book: Path) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        import_images([scans / "nowhere.png"], book)
