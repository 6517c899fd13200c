"""A small book: set in type, then made to look scanned (paper, ink that has spread, a little noise and skew)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from statistics import NormalDist

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from offizin.demo.text import PARAGRAPHS, TITLE
from offizin.demo.typeface import book_typeface

DPI = 300
WIDTH, HEIGHT = 1748, 2480  # A5
MARGIN = 200
LEADING = 68  # from one base line to the next
EM = 46  # 11 points
INDENT = 90
LINES_PER_PAGE = (HEIGHT - 2 * MARGIN) // LEADING

PAPER, INK = 236, 35  # grey values, 0 to 255
MOST_SKEW = 0.6  # degrees, either way
NOISE = 7.0  # standard deviation in grey values


@dataclass(frozen=True)
class RenderedPage:
    image: Path
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@dataclass(frozen=True)
class RenderedBook:
    directory: Path
    pages: tuple[RenderedPage, ...]


@dataclass(frozen=True)
class _Line:
    """``indent`` in pixels; ``justified`` when its words are spread over the whole width."""

    text: str
    indent: int = 0
    justified: bool = False


def render_book(directory: Path, pages: int, seed: int) -> RenderedBook:
    """Write ``page_0001.jpg`` … (A5, 300 dpi, grey) and give what they say, line by line.

    The text starts anew when it is used up. The same seed gives the same book wherever the same typeface is found.
    """
    directory.mkdir(parents=True, exist_ok=True)
    face = book_typeface(EM)
    rendered = []
    for number, lines in enumerate(islice(_pages(face), pages), start=1):
        image = _scanned(_printed(lines, face), random.Random(f"{seed}/{number}"))
        path = directory / f"page_{number:04}.jpg"
        image.save(path, quality=90, dpi=(DPI, DPI))
        rendered.append(RenderedPage(path, tuple(line.text for line in lines)))
    return RenderedBook(directory, tuple(rendered))


def book_lines(pages: int) -> list[tuple[str, ...]]:
    """What the pages of a rendered book say, without rendering it."""
    return [tuple(line.text for line in page) for page in islice(_pages(book_typeface(EM)), pages)]


def _pages(face: ImageFont.FreeTypeFont) -> Iterator[list[_Line]]:
    """Pages without end, each with a running head."""
    lines = (line for paragraph in cycle(PARAGRAPHS) for line in _set_paragraph(paragraph, face))
    number = 1
    while True:
        head = f"{TITLE}, page {number}"
        centred = int(WIDTH - 2 * MARGIN - face.getlength(head)) // 2
        yield [_Line(head, centred), *islice(lines, LINES_PER_PAGE - 2)]
        number += 1


def _set_paragraph(paragraph: str, face: ImageFont.FreeTypeFont) -> list[_Line]:
    """Break into lines: as many words as fit."""
    lines: list[_Line] = []
    words: list[str] = []
    for word in paragraph.split():
        indent = 0 if lines else INDENT
        if words and face.getlength(" ".join([*words, word])) > WIDTH - 2 * MARGIN - indent:
            lines.append(_Line(" ".join(words), indent, justified=True))
            words = []
        words.append(word)
    return [*lines, _Line(" ".join(words), 0 if lines else INDENT)]


def _printed(lines: list[_Line], face: ImageFont.FreeTypeFont) -> Image.Image:
    page = Image.new("L", (WIDTH, HEIGHT), PAPER)
    draw = ImageDraw.Draw(page)
    for row, line in enumerate(lines):
        words = line.text.split()
        x = float(MARGIN + line.indent)
        y = MARGIN + (row + 1 if row else 0) * LEADING  # an empty line below the running head
        space = face.getlength(" ")
        if line.justified and len(words) > 1:
            space = (WIDTH - MARGIN - x - sum(map(face.getlength, words))) / (len(words) - 1)
        for word in words:
            draw.text((x, y), word, fill=INK, font=face)
            x += face.getlength(word) + space
    return page


def _scanned(page: Image.Image, chance: random.Random) -> Image.Image:
    turned = page.rotate(chance.uniform(-MOST_SKEW, MOST_SKEW), Image.Resampling.BICUBIC, fillcolor=PAPER)
    spread = turned.filter(ImageFilter.GaussianBlur(0.8))
    return ImageChops.add(spread, _noise(page.size, chance), offset=-128)


def _noise(size: tuple[int, int], chance: random.Random) -> Image.Image:
    """Normally distributed grey values around 128."""
    normal = NormalDist(128, NOISE)
    table = [round(normal.inv_cdf((value + 0.5) / 256)) for value in range(256)]
    return Image.frombytes("L", size, chance.randbytes(size[0] * size[1])).point(table)
