"""How a batch of runs has ended: states, METS and files, without what may differ from one undisturbed run to another.

That is: ids of runs in the IDs of agents, time stamps, and the order in which files and agents came.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

_METS = "{http://www.loc.gov/METS/}"
_XLINK_HREF = "{http://www.w3.org/1999/xlink}href"
_TIMES = re.compile(rb"<((?:\w+:)?)(Created|LastChange)>[^<]*</")


@dataclass(frozen=True)
class Outcome:
    """``states``: by run, or by run, step and page; ``mets``: by book, canonical; ``files``: digest by path."""

    states: Mapping[str, str]
    mets: Mapping[str, str]
    files: Mapping[str, str]


def canonical_mets(mets: Path, names: Mapping[str, str]) -> str:
    """``names`` by run id."""
    root = etree.parse(mets).getroot()
    for header in root.iter(f"{_METS}metsHdr"):
        header.attrib.pop("LASTMODDATE", "")
        for agent in header.iter(f"{_METS}agent"):
            agent.set("ID", re.sub(r"^offizin-(.*)-(\d+)$", lambda m: f"{names[m[1]]} {m[2]}", agent.get("ID", "")))
        _sort(header, "ID")
    for section in root.iter(f"{_METS}fileSec"):
        _sort(section, "USE")
    for group in root.iter(f"{_METS}fileGrp"):
        _sort(group, "ID")
    for div in root.iter(f"{_METS}div"):
        if div.get("TYPE") == "page":
            _sort(div, "FILEID")
    for element in root.iter():
        if not (element.text or "").strip():
            element.text = None
        if not (element.tail or "").strip():
            element.tail = None
    return etree.tostring(root, method="c14n2", pretty_print=False).decode().replace("><", ">\n<")


def _sort(parent: etree._Element, attribute: str) -> None:
    parent[:] = sorted(parent, key=lambda child: (child.get(attribute, ""), etree.tostring(child)))


def doubled_ids(mets: Path) -> list[str]:
    """IDs that two elements have, and files that a page links twice."""
    root = etree.parse(mets).getroot()
    ids = [str(element.get("ID")) for element in root.iter() if isinstance(element.tag, str) and element.get("ID")]
    links = [
        f"{div.get('ID')} -> {pointer.get('FILEID')}"
        for div in root.iter(f"{_METS}div")
        for pointer in div.iterchildren(f"{_METS}fptr")
    ]
    return sorted({name for names in (ids, links) for name in names if names.count(name) > 1})


def missing_files(mets: Path) -> list[str]:
    """What METS names and the disk has not."""
    named = [str(location.get(_XLINK_HREF)) for location in etree.parse(mets).getroot().iter(f"{_METS}FLocat")]
    return [name for name in named if not (mets.parent / name).is_file()]


def digests(directory: Path) -> dict[str, str]:
    """Of every file in the directory but mets.xml, by relative path; hidden and temporary ones, too."""
    return {
        str(path.relative_to(directory)): hashlib.sha256(_TIMES.sub(rb"<\1\2></", path.read_bytes())).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path != directory / "mets.xml"
    }
