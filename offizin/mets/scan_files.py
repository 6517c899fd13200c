"""The fileSec of a METS as the parser passes it: groups, and the files in them."""

from __future__ import annotations

import msgspec

from offizin.mets import names
from offizin.mets.layout import NOWHERE, Spot
from offizin.mets.walk import Open, Walk


class FoundFile(msgspec.Struct, gc=False):
    """A ``mets:file``. Of several FLocat of one kind the first counts.

    ``start`` and ``end`` are offsets as the parser reports them, where somebody asks for them.
    """

    id: str
    use: str
    mimetype: str
    start: int = -1
    end: int = -1
    local_filename: str | None = None
    url: str | None = None


class FileSection:
    """``groups`` by USE, which may be empty; of several of one name the last gets new files. All ``files`` have IDs."""

    def __init__(self, walk: Walk) -> None:
        self.section: Spot | None = None
        self.groups: dict[str, Spot] = {}
        self.xlink = ""
        self.files: list[FoundFile] = []
        self._walk = walk
        self._open: list[Open] = []  # the fileSec first
        self._file: FoundFile | None = None
        self._file_depth = 0
        walk.starts |= {
            names.FILE_SEC: self._start_section,
            names.FILE_GRP: self._start_group,
            names.FILE: self._start_file,
            names.FLOCAT: self._start_location,
        }
        walk.ends |= {names.FILE_SEC: self._end_section, names.FILE_GRP: self._end_group}

    def _start_section(self, attributes: dict[str, str]) -> None:
        walk = self._walk
        if walk.is_section():
            self._open = [Open("", walk.offset, walk.depth)]
            self.xlink = walk.prefix_for(names.XLINK_NAMESPACE)
        if "ID" in attributes:
            walk.other_ids.add(attributes["ID"])

    def _end_section(self) -> None:
        if self._open and self._open[-1].depth == self._walk.depth:
            self.section = self._spot(self._open.pop())

    def _start_group(self, attributes: dict[str, str]) -> None:
        walk = self._walk
        if self._open and self._open[-1].depth == walk.depth - 1:
            start = walk.offset
            if self._open[-1].child < 0:
                self._open[-1].child = start
            group = Open(attributes.get("USE", ""), start, walk.depth)
            self._open.append(group)
            self.groups.setdefault(group.key, NOWHERE)
            if walk.prefix_for(names.XLINK_NAMESPACE) != self.xlink:
                self.xlink = ""  # not the same everywhere
        if "ID" in attributes:
            walk.other_ids.add(attributes["ID"])

    def _end_group(self) -> None:
        if self._open and self._open[-1].depth == self._walk.depth:
            group = self._open.pop()
            self.groups[group.key] = self._spot(group)

    def _start_file(self, attributes: dict[str, str]) -> None:
        walk = self._walk
        depth = walk.depth
        file_id = attributes.get("ID")
        if len(self._open) > 1 and self._open[-1].depth == depth - 1:
            group = self._open[-1]
            if group.child < 0:
                group.child = walk.offset
            self._file = None
            if file_id:  # else nothing can point to it
                self._file = FoundFile(file_id, group.key, attributes.get("MIMETYPE", ""))
                self._file_depth = depth
                self.files.append(self._file)
        elif file_id:
            walk.other_ids.add(file_id)  # a file in a file

    def _start_location(self, attributes: dict[str, str]) -> None:
        file = self._file
        if file is None or self._walk.depth != self._file_depth + 1:
            return
        kind = attributes.get("LOCTYPE")
        href = attributes.get(names.HREF)
        if kind == "OTHER" and attributes.get("OTHERLOCTYPE") == "FILE":
            if file.local_filename is None and href:
                file.local_filename = names.as_path(href)
        elif kind == "URL" and file.url is None and href:
            file.url = href

    def _spot(self, element: Open) -> Spot:
        walk = self._walk
        return walk.source.spot(element.start, element.child, walk.offset, walk.unit)
