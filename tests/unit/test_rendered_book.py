from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageFont, ImageStat

from offizin.demo import typeface
from offizin.demo.book import DPI, book_lines, render_book
from offizin.demo.text import PARAGRAPHS


def pixels(path: Path) -> bytes:
    with Image.open(path) as image:
        return image.tobytes()


def test_a_page_is_an_a5_scan_of_300_dpi(tmp_path: Path) -> None:
    (page,) = render_book(tmp_path, 1, seed=1).pages
    with Image.open(page.image) as image:
        assert image.mode == "L"
        assert image.info["dpi"] == pytest.approx((DPI, DPI))
        assert [round(side / DPI * 25.4) for side in image.size] == [148, 210]


def test_the_same_seed_gives_the_same_pages(tmp_path: Path) -> None:
    (one,), (two,), (other,) = (
        render_book(tmp_path / name, 1, seed).pages for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert pixels(one.image) == pixels(two.image)
    assert pixels(one.image) != pixels(other.image)
    assert one.lines == two.lines == other.lines


def test_the_lines_are_known_without_rendering(tmp_path: Path) -> None:
    assert [page.lines for page in render_book(tmp_path, 2, seed=1).pages] == book_lines(2)


def test_no_word_is_lost_between_lines_and_pages() -> None:
    words = " ".join(" ".join(page[1:]) for page in book_lines(6)).split()
    text = " ".join(PARAGRAPHS).split()
    assert len(words) > len(text)  # begun anew
    assert words == (text * 3)[: len(words)]


def test_each_page_names_itself() -> None:
    assert [page[0].rpartition(" ")[2] for page in book_lines(3)] == ["1", "2", "3"]


def test_there_is_ink_where_text_is_and_none_in_the_margins(tmp_path: Path) -> None:
    (page,) = render_book(tmp_path, 1, seed=1).pages
    with Image.open(page.image) as image:
        dark = ImageChops.invert(image).point(lambda value: 255 if value > 128 else 0)
        left, top, right, bottom = dark.getbbox() or (0, 0, 0, 0)
    assert left > 150
    assert right < 1748 - 150
    assert 150 < top < 300
    assert bottom > 2000


def test_paper_is_not_even(tmp_path: Path) -> None:
    (page,) = render_book(tmp_path, 1, seed=1).pages
    with Image.open(page.image) as image:
        corner = ImageStat.Stat(image.crop((0, 0, 100, 100)))
    assert 220 < corner.mean[0] < 250
    assert 3 < corner.stddev[0] < 12


def test_without_a_font_on_the_system_pillows_own_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(typeface, "NAMES", ("no such face.ttf",))
    assert isinstance(typeface.book_typeface(40), ImageFont.FreeTypeFont)
    (page,) = render_book(tmp_path, 1, seed=1).pages
    assert page.lines == book_lines(1)[0]
