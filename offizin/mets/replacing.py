"""Overwriting: what a METS loses and gains by deltas that replace."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from offizin.messages import Delta, File
from offizin.mets import names
from offizin.mets.document import Document
from offizin.mets.edits import removal
from offizin.mets.holdings import Holdings
from offizin.mets.scan import Scan
from offizin.mets.scan_files import FileSection
from offizin.mets.scan_pages import PhysicalStructure
from offizin.mets.walk import Walk


def without_replaced(document: Document, deltas: Iterable[Delta], path: Path) -> tuple[Document, list[File], list[str]]:
    """The document without what ``deltas`` take out; then what they add to that, and the order of its pages.

    What goes and what comes is decided by ``Holdings.apply`` alone, on what the document holds.
    """
    content = document.content
    scan = Scan(content, path, files=_FileSpans, pages=_PointerSpans)
    elements = [(found, scan.files_of(found)) for found in scan.file_section.files]
    contents = scan.contents([file for _, files in elements for file in files])
    holdings = Holdings(contents)
    for delta in deltas:
        holdings.apply(delta)
    before, after = {id(file) for file in contents.files}, list(holdings.all_files())
    kept = before & {id(file) for file in after}

    edits = []
    file_ids: dict[str, set[str]] = {use: set() for use in document.layout.file_ids}
    for found, files in elements:
        if any(id(file) in kept for file in files):
            file_ids[found.use].add(found.id)
        else:
            edits.append(removal(content, found.start, found.end))
    links = {(file.page_id, file.id) for file in contents.files if id(file) in kept}
    ids = {file.id for file in contents.files}
    assert isinstance(scan.structure, _PointerSpans)
    for page_id, file_id, start, end in scan.structure.spans:
        if file_id in ids and (page_id, file_id) not in links:
            edits.append(removal(content, start, end))
    left = document.edited(edits, {use: frozenset(ids) for use, ids in file_ids.items()}) if edits else document
    added = [file for file in after if id(file) not in before]
    # a file that its page links already comes after the same file for the page that does not
    dangling = document.layout.dangling
    added.sort(key=lambda file: file.page_id in dangling.get(file.id, ()))
    return left, added, holdings.pages


class _FileSpans(FileSection):
    """Notes where files end."""

    def __init__(self, walk: Walk) -> None:
        super().__init__(walk)
        walk.ends[names.FILE] = self._end_file

    def _end_file(self) -> None:
        file, walk = self._file, self._walk
        if file is not None and walk.depth == self._file_depth:
            file.end = walk.source.element_end(file.start, walk.offset)


class _PointerSpans(PhysicalStructure):
    """``spans``: page, file ID, and where the pointer begins and ends."""

    def __init__(self, walk: Walk) -> None:
        super().__init__(walk)
        self.spans: list[tuple[str, str, int, int]] = []
        self._pointer: tuple[str, str, int, int] | None = None
        walk.ends[names.FPTR] = self._end_pointer

    def _start_pointer(self, attributes: dict[str, str]) -> None:
        super()._start_pointer(attributes)
        self._pointer = None
        if self._open and self._open[-1].last == self._walk.offset:
            page = self._open[-1]
            self._pointer = (page.key, attributes.get("FILEID", ""), page.last, self._walk.depth)

    def _end_pointer(self) -> None:
        if self._pointer is not None and self._pointer[3] == self._walk.depth:
            page_id, file_id, start, _ = self._pointer
            self.spans.append((page_id, file_id, start, self._walk.source.element_end(start, self._walk.offset)))
