"""Two books that should hold the same, as made by Offizin and by ``ocrd process``.

Not compared: time stamps, where the books lie, the order of files in METS, and agents (see ``agents_of``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from lxml import etree
from PIL import Image, ImageChops

_METS = "{http://www.loc.gov/METS/}"
_HREF = "{http://www.w3.org/1999/xlink}href"
_TIMES = ("Created", "LastChange", "processingDateTime")


@dataclass(frozen=True)
class BookFile:
    """What METS says of a file."""

    file_grp: str
    id: str
    page: str | None
    mimetype: str
    path: str


def differences(ours: Path, theirs: Path) -> list[str]:
    """One line for each difference between two workspace directories; none if they are equal."""
    found = sorted(
        f"METS has {'only here' if file in files_of(ours) else 'only there'}: {file}"
        for file in files_of(ours) ^ files_of(theirs)
    )
    if pages_of(ours) != pages_of(theirs):
        found.append(f"pages: {pages_of(ours)}, {pages_of(theirs)}")
    for file in sorted(files_of(ours) & files_of(theirs), key=lambda file: file.path):
        if not same_content(ours / file.path, theirs / file.path):
            found.append(f"other content: {file.path}")
    return found


def files_of(book: Path) -> set[BookFile]:
    root = etree.parse(book / "mets.xml").getroot()
    pages = {
        str(pointer.get("FILEID")): div.get("ID")
        for div in root.iter(f"{_METS}div")
        for pointer in div.iterchildren(f"{_METS}fptr")
    }
    return {
        BookFile(
            str(group.get("USE")),
            str(file.get("ID")),
            pages.get(str(file.get("ID"))),
            str(file.get("MIMETYPE")),
            str(location.get(_HREF)),
        )
        for group in root.iter(f"{_METS}fileGrp")
        for file in group.iterchildren(f"{_METS}file")
        for location in file.iterchildren(f"{_METS}FLocat")
    }


def pages_of(book: Path) -> list[str | None]:
    divs = etree.parse(book / "mets.xml").getroot().iter(f"{_METS}div")
    return [div.get("ID") for div in divs if div.get("TYPE") == "page"]


def agents_of(book: Path) -> list[list[str]]:
    """What METS says of each program that worked on the book: attributes but for the ID, name, notes."""
    root = etree.parse(book / "mets.xml").getroot()
    return [
        [*(f"{key}={value}" for key, value in sorted(agent.attrib.items()) if key != "ID")]
        + [f"{dict(child.attrib)}{child.text or ''}" for child in agent]
        for agent in root.iter(f"{_METS}agent")
    ]


def same_content(ours: Path, theirs: Path) -> bool:
    if not (ours.is_file() and theirs.is_file()):
        return False
    a, b = ours.read_bytes(), theirs.read_bytes()
    if a == b:
        return True
    if ours.suffix == ".xml":
        return canonical_xml(ours) == canonical_xml(theirs)
    if ours.suffix in (".png", ".tif", ".jpg"):
        return same_image(ours, theirs)
    here, there = (str(path.parents[1]).encode() for path in (ours, theirs))
    return a.replace(here, b"BOOK") == b.replace(there, b"BOOK")


def canonical_xml(file: Path) -> str:
    """Without time stamps."""
    text = etree.tostring(etree.parse(file), method="c14n2").decode()
    return re.sub(rf"(<(?:\w+:)?(?:{'|'.join(_TIMES)})>)[^<]*<", r"\1<", text)


def same_image(ours: Path, theirs: Path) -> bool:
    """Pixel by pixel, and in resolution."""
    with Image.open(ours) as a, Image.open(theirs) as b:
        alike = (a.mode, a.size, a.info.get("dpi")) == (b.mode, b.size, b.info.get("dpi"))
        return alike and ImageChops.difference(a, b).getbbox() is None
