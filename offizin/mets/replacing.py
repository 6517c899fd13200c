"""Overwriting: what a METS loses and gains by deltas that replace."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from offizin.messages import Delta, File
from offizin.mets import names
from offizin.mets.document import Additions, Document
from offizin.mets.edits import Edit, removal
from offizin.mets.holdings import Holdings
from offizin.mets.layout import Layout
from offizin.mets.scan import Scan
from offizin.mets.scan_files import FileSection
from offizin.mets.scan_pages import PhysicalStructure
from offizin.mets.source import Source
from offizin.mets.walk import Walk


def without_replaced(document: Document, deltas: Iterable[Delta], path: Path) -> tuple[Document, Additions]:
    """The document without what ``deltas`` take out, and what they add to that.

    What goes and what comes is decided by ``Holdings.apply`` alone, on what the document holds.
    """
    content, layout = document.content, document.layout
    source = Source(content)
    scan = Scan(content, path, files=_FileSpans, pages=_PointerSpans)
    assert isinstance(scan.structure, _PointerSpans)
    elements = [(found, scan.files_of(found)) for found in scan.file_section.files]
    before = [file for _, files in elements for file in files]
    holdings = Holdings(scan.contents(before))
    for delta in deltas:
        holdings.apply(delta)
    after = list(holdings.by_arrival())
    old = {id(file) for file in before}
    kept = old & {id(file) for file in after}
    new = [file for file in after if id(file) not in old]

    edits: list[Edit] = []
    file_ids: dict[str, set[str]] = {use: set() for use in layout.file_ids}
    for found, files in elements:
        if any(id(file) in kept for file in files):
            file_ids[found.use].add(found.id)
        else:
            edits.append(removal(content, found.start, source.element_end(found.start, found.end)))
    dangling = _still_dangling(layout, new)
    links = {(file.page_id, file.id) for file in before if id(file) in kept}
    links |= {(page_id, file_id) for file_id, linked in dangling.items() for page_id in linked}
    for page_id, file_id, start, end in scan.structure.spans:
        if (page_id, file_id) not in links:
            edits.append(removal(content, start, source.element_end(start, end)))
    left = document.edited(edits, {use: frozenset(ids) for use, ids in file_ids.items()}) if edits else document
    if dangling != layout.dangling:
        left = replace(left, layout=replace(left.layout, dangling=dangling))
    return left, Additions(_once_each(new, dangling), holdings.file_groups, holdings.pages)


def _still_dangling(layout: Layout, new: list[File]) -> dict[str, list[str]]:
    """Pointers to nothing: all whose file does not come now, and of the others those that it does not lose again."""
    pages: dict[str, set[str | None]] = {}
    for file in new:
        pages.setdefault(file.id, set()).add(file.page_id)
    return {
        file_id: [page_id for page_id in linked if file_id not in pages or page_id in pages[file_id]]
        for file_id, linked in layout.dangling.items()
    }


def _once_each(new: list[File], dangling: dict[str, list[str]]) -> list[File]:
    """A file on several pages once, for the page that does not link it yet: all but one do."""
    once: dict[tuple[str, str], File] = {}
    for file in new:
        other = once.get((file.file_grp, file.id))
        if other is None or other.page_id in dangling.get(file.id, ()):
            once[file.file_grp, file.id] = file
    return list(once.values())


class _FileSpans(FileSection):
    """Notes where files start and end."""

    def __init__(self, walk: Walk) -> None:
        super().__init__(walk)
        walk.ends[names.FILE] = self._end_file

    def _start_file(self, attributes: dict[str, str]) -> None:
        before = len(self.files)
        super()._start_file(attributes)
        if len(self.files) > before:
            self.files[-1].start = self._walk.offset

    def _end_file(self) -> None:
        if self._file is not None and self._walk.depth == self._file_depth:
            self._file.end = self._walk.offset


class _PointerSpans(PhysicalStructure):
    """``spans``: page, file ID, and where the pointer starts and ends."""

    def __init__(self, walk: Walk) -> None:
        super().__init__(walk)
        self.spans: list[tuple[str, str, int, int]] = []
        self._start = -1
        self._id = ""
        walk.ends[names.FPTR] = self._end_pointer

    def _start_pointer(self, attributes: dict[str, str]) -> None:
        super()._start_pointer(attributes)
        self._start = self._walk.offset
        self._id = attributes.get("FILEID", "")

    def _end_pointer(self) -> None:
        page = self._open[-1] if self._open else None
        if page is not None and page.key and page.depth == self._walk.depth - 1 and self._id:
            self.spans.append((page.key, self._id, self._start, self._walk.offset))
