"""One pass over a METS: what is in it, and where new elements go.

The rules are those of ocrd_models.OcrdMets (ocrd 3.13.3), with a wider heart for METS as they are found: page divs may
stand twice or be nested, files may lack a page, sections may be missing, an OAI envelope may be around it.
"""

from __future__ import annotations

from pathlib import Path

from offizin.messages import File
from offizin.mets import names
from offizin.mets.contents import Contents
from offizin.mets.layout import FILE_SEC, HEADER, SEQUENCE, STRUCTURE, Layout, Spot
from offizin.mets.scan_files import FileSection, FoundFile
from offizin.mets.scan_pages import PhysicalStructure
from offizin.mets.walk import Open, Walk

_IDENTIFIER_PRIORITY = ("purl", "urn", "doi", "url")


class Scan:
    """The pass, made by the constructor over a METS in UTF-8. ``path`` is for messages.

    ``file_section`` and ``structure`` may be given listeners that look closer. Raises MetsInvalid with the line.
    """

    def __init__(
        self,
        content: bytes,
        path: Path,
        *,
        files: type[FileSection] = FileSection,
        pages: type[PhysicalStructure] = PhysicalStructure,
    ) -> None:
        walk = Walk(content, path)
        self._header, self._identifiers = _Header(walk), _Identifiers(walk)
        self.file_section, self.structure = files(walk), pages(walk)
        walk.run()
        self._unit = walk.unit
        self._other_ids = walk.other_ids
        linked = self.structure.linked_ids() - {file.id for file in self.file_section.files}
        self._dangling = {file_id: list(self.structure.pages_of(file_id)) for file_id in linked}

    def contents(self, files: list[File] | None = None) -> Contents:
        """``files`` may be given when the caller has made them, with ``files_of``, from all that were found."""
        if files is None:
            files = [file for found in self.file_section.files for file in self.files_of(found)]
        return Contents(
            pages=list(self.structure.pages),
            file_groups=list(self.file_section.groups),
            files=files,
            unique_identifier=self._identifiers.first(),
            dangling={file_id: list(linked) for file_id, linked in self._dangling.items()},
            other_ids=frozenset(self._other_ids),
        )

    def files_of(self, found: FoundFile) -> list[File]:
        """One for each page that links it."""
        local, url = found.local_filename, found.url
        pages = self.structure.pages_of(found.id) or (None,)
        return [File(found.id, found.use, found.mimetype, page_id, local, url) for page_id in pages]

    def layout(self) -> Layout:
        section, structure = self.file_section, self.structure
        sections = {
            HEADER: self._header.spot,
            FILE_SEC: section.section,
            STRUCTURE: structure.structure,
            SEQUENCE: structure.sequence,
        }
        file_ids: dict[str, set[str]] = {use: set() for use in section.groups}
        for file in section.files:
            file_ids[file.use].add(file.id)
        return Layout(
            sections={name: spot for name, spot in sections.items() if spot is not None},
            groups=section.groups,
            pages=structure.pages,
            file_ids={use: frozenset(ids) for use, ids in file_ids.items()},
            agent_ids=frozenset(self._header.agent_ids),
            xlink=section.xlink,
            dangling=self._dangling,
            unit=self._unit,
        )


class _Header:
    """The metsHdr: agents go behind the last one, or before everything else."""

    def __init__(self, walk: Walk) -> None:
        self.spot: Spot | None = None
        self.agent_ids: set[str] = set()
        self._walk = walk
        self._header: Open | None = None
        self._agent = -1
        walk.starts |= {names.METS_HDR: self._start, names.AGENT: self._start_agent}
        walk.ends |= {names.METS_HDR: self._end, names.AGENT: self._end_agent}

    def _start(self, attributes: dict[str, str]) -> None:
        walk = self._walk
        if walk.is_section() and self._header is None:
            self._header = Open("", walk.offset, walk.depth)
        if "ID" in attributes:
            walk.other_ids.add(attributes["ID"])

    def _end(self) -> None:
        walk, header = self._walk, self._header
        if header is not None and header.depth == walk.depth and self.spot is None:
            self.spot = walk.source.spot_inside_first(header.start, walk.offset, walk.unit)

    def _start_agent(self, attributes: dict[str, str]) -> None:
        walk, header = self._walk, self._header
        if header is not None and header.depth == walk.depth - 1:
            self._agent = walk.offset
            self.agent_ids.add(attributes.get("ID", ""))
        if "ID" in attributes:
            walk.other_ids.add(attributes["ID"])

    def _end_agent(self) -> None:
        walk, header = self._walk, self._header
        if header is not None and header.depth == walk.depth - 1:
            self.spot = walk.source.spot_after(self._agent, walk.offset)


class _Identifiers:
    """https://ocr-d.de/en/spec/mets#unique-id-for-the-document-processed, as OcrdMets.unique_identifier."""

    def __init__(self, walk: Walk) -> None:
        self._found: dict[str, list[str]] = {}
        self._walk = walk
        walk.starts[names.MODS_IDENTIFIER] = self._start
        walk.ends[names.MODS_IDENTIFIER] = lambda: walk.collect_text(None)

    def first(self) -> str | None:
        return next(("".join(self._found[kind]) or None for kind in _IDENTIFIER_PRIORITY if kind in self._found), None)

    def _start(self, attributes: dict[str, str]) -> None:
        kind = attributes.get("type", "")
        if kind not in self._found:
            self._found[kind] = []
            self._walk.collect_text(self._found[kind])
        if "ID" in attributes:
            self._walk.other_ids.add(attributes["ID"])
