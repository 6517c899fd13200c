"""Books to measure with: any number of pages, METS written directly, all images links to one tiny file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lxml import etree
from PIL import Image

SOURCE = "OCR-D-IMG"

_METS = "{http://www.loc.gov/METS/}"
_HREF = "{http://www.w3.org/1999/xlink}href"
# File systems allow a file some 65,000 names.
_MOST_LINKS = 30_000


@dataclass(frozen=True)
class Book:
    mets: Path
    pages: tuple[str, ...]

    @property
    def directory(self) -> Path:
        return self.mets.parent


def make_book(directory: Path, pages: int, file_grps: Sequence[str] = (SOURCE,)) -> Book:
    """A new workspace in ``directory`` (must not exist) with one PNG a page in each file group."""
    names = [f"P{number:05d}" for number in range(pages)]
    for group in file_grps:
        (directory / group).mkdir(parents=True)
        _link_images(directory, [directory / group / f"{group}_{page}.png" for page in names])
    mets = directory / "mets.xml"
    mets.write_text(_mets(names, file_grps), encoding="utf-8")
    return Book(mets, tuple(names))


def faults_of(book: Book, file_grps: Iterable[str]) -> list[str]:
    """What is wrong in the METS: every page must have exactly one file of each group, which exists on disk."""
    tree = etree.parse(book.mets)
    groups = {group.get("USE"): group for group in tree.iter(f"{_METS}fileGrp")}
    pointers: dict[str | None, list[str | None]] = {}
    for page in tree.iter(f"{_METS}div"):
        for pointer in page.iterchildren(f"{_METS}fptr"):
            pointers.setdefault(pointer.get("FILEID"), []).append(page.get("ID"))
    faults = []
    for name in file_grps:
        files = list(groups[name].iterchildren(f"{_METS}file")) if name in groups else []
        found = Counter(page for file in files for page in pointers.get(file.get("ID"), ["none"]))
        wrong = [page for page in {*book.pages, *found} if found[page] != 1 or page not in set(book.pages)]
        if wrong:
            faults.append(f"{name}: {len(wrong)} pages have not exactly one file: {sorted(map(str, wrong))[:3]}")
        places = [file[0].get(_HREF) for file in files]
        missing = [place for place in places if place is None or not (book.directory / place).is_file()]
        if missing or len(set(places)) != len(places):
            faults.append(f"{name}: {len(missing)} files are missing, {len(places) - len(set(places))} named twice")
    return faults


def _link_images(directory: Path, names: Iterable[Path]) -> None:
    image = directory / "image.png"
    for number, name in enumerate(names):
        if number % _MOST_LINKS == 0:
            image.unlink(missing_ok=True)
            Image.new("L", (200, 300), 255).save(image)
        name.hardlink_to(image)


def _mets(pages: Sequence[str], file_grps: Sequence[str]) -> str:
    groups = []
    for group in file_grps:
        files = "\n".join(
            f'<mets:file ID="{group}_{page}" MIMETYPE="image/png"><mets:FLocat LOCTYPE="OTHER" OTHERLOCTYPE="FILE"'
            f' xlink:href="{group}/{group}_{page}.png"/></mets:file>'
            for page in pages
        )
        groups.append(f'<mets:fileGrp USE="{group}">\n{files}\n</mets:fileGrp>')
    divisions = "\n".join(
        f'<mets:div TYPE="page" ID="{page}">'
        + "".join(f'<mets:fptr FILEID="{group}_{page}"/>' for group in file_grps)
        + "</mets:div>"
        for page in pages
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<mets:mets xmlns:mets="http://www.loc.gov/METS/" xmlns:xlink="http://www.w3.org/1999/xlink">\n'
        '<mets:metsHdr CREATEDATE="2020-01-01T00:00:00"/>\n'
        f"<mets:fileSec>\n{chr(10).join(groups)}\n</mets:fileSec>\n"
        f'<mets:structMap TYPE="PHYSICAL"><mets:div TYPE="physSequence">\n{divisions}\n</mets:div></mets:structMap>\n'
        "</mets:mets>\n"
    )
