"""Sections that a METS lacks and an addition needs: made where the METS schema puts them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from offizin.mets import names
from offizin.mets.document import Additions, Document
from offizin.mets.edits import Child, insertion
from offizin.mets.layout import FILE_SEC, HEADER, SEQUENCE, STRUCTURE, Layout, Spot, Style
from offizin.mets.scan import Scan
from offizin.mets.walk import Walk

_ORDER = ("metsHdr", "dmdSec", "amdSec", "fileSec", "structMap", "structLink", "behaviorSec")


def with_sections(document: Document, additions: Additions, path: Path) -> Document:
    """The document with what ``additions`` need, empty; the same one when nothing is missing, as nearly always."""
    for section in _missing(document.layout, additions):
        document = _with_section(document, section, path)
    return document


def _missing(layout: Layout, additions: Additions) -> list[str]:
    there = layout.sections
    new = [file for file in additions.files if file.id not in layout.file_ids.get(file.file_grp, ())]
    needed = {
        HEADER: any(agent.id not in layout.agent_ids for agent in additions.agents),
        FILE_SEC: bool(new),
        SEQUENCE: any(file.page_id is not None for file in new),
    }
    return [section for section, is_needed in needed.items() if is_needed and section not in there]


def _with_section(document: Document, section: str, path: Path) -> Document:
    content, layout = document.content, document.layout
    if section == SEQUENCE and STRUCTURE in layout.sections:
        spot = layout.sections[STRUCTURE]
        prefix = spot.style.prefix
        text = f'<{prefix}div TYPE="physSequence"></{prefix}div>'
    else:
        name = {HEADER: "metsHdr", FILE_SEC: "fileSec", SEQUENCE: "structMap"}[section]
        spot = _Sections(content, path).spot_for(name)
        text = _text(name, spot.style, layout.unit)
    edit = insertion(content, spot, [Child(text.encode())], "", "")
    edited = document.edited([edit], layout.file_ids).content
    return Document(edited, Scan(edited, path).layout())


def _text(name: str, style: Style, unit: str) -> str:
    prefix, closing = style.prefix, style.inner
    if name != "structMap":
        return f"<{prefix}{name}></{prefix}{name}>"
    inner = closing + unit if closing else ""
    sequence = f'<{prefix}div TYPE="physSequence"></{prefix}div>'
    return f'<{prefix}structMap TYPE="PHYSICAL">{inner}{sequence}{closing}</{prefix}structMap>'


class _Sections:
    """Which sections there are, and where they end."""

    def __init__(self, content: bytes, path: Path) -> None:
        self._walk = walk = Walk(content, path)
        self._starts: list[tuple[int, int]] = []  # offset, depth
        self._found: list[tuple[str, int, int]] = []  # name, start, end
        self._mets_end = -1
        end_mets = walk.ends[names.METS]
        for name in _ORDER:
            walk.starts[f"{names.METS_NAMESPACE} {name}"] = self._start
            walk.ends[f"{names.METS_NAMESPACE} {name}"] = partial(self._end, name)
        walk.ends[names.METS] = partial(self._end_mets, end_mets)
        walk.run()

    def spot_for(self, name: str) -> Spot:
        """Behind the last section that the schema puts before it, or before all others."""
        source, mets_start = self._walk.source, self._walk.mets_start
        first = self._found[0][1] if self._found else -1
        inside = source.spot(mets_start, first, self._mets_end, self._walk.unit)
        if not self._found:
            return inside
        earlier = _ORDER[: _ORDER.index(name) + 1]
        before = [end for other, _, end in self._found if other in earlier]
        return Spot(before[-1] if before else source.tag_end(mets_start), inside.style)

    def _start(self, attributes: dict[str, str]) -> None:
        walk = self._walk
        if walk.is_section():
            self._starts.append((walk.offset, walk.depth))

    def _end(self, name: str) -> None:
        walk = self._walk
        if self._starts and self._starts[-1][1] == walk.depth:
            start, _ = self._starts.pop()
            self._found.append((name, start, walk.source.element_end(start, walk.offset)))

    def _end_mets(self, end_mets: Callable[[], None]) -> None:
        if self._mets_end < 0:
            self._mets_end = self._walk.offset
        end_mets()
