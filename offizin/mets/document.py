"""Deltas written into the lxml tree of a METS.

Pure: no file is touched, and of the tree nothing but what is added or replaced.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from lxml import etree

from offizin.messages import Agent, Delta, File
from offizin.mets.contents import as_indexed, read_attributes
from offizin.mets.place import Place
from offizin.mets.tree import (
    AGENT,
    DIV,
    FILE,
    FILE_GRP,
    FILE_SEC,
    FLOCAT,
    FPTR,
    HREF,
    METS_HDR,
    METS_NAMESPACE,
    NAME,
    NOTE,
    OCRD_NAMESPACE,
    STRUCT_MAP,
    XLINK_NAMESPACE,
    mets_element,
    page_divs,
    strings,
)

_OPTION = f"{{{OCRD_NAMESPACE}}}option"
_FILE_IDS = etree.XPath("descendant::m:file/@ID", namespaces={"m": METS_NAMESPACE}, smart_strings=False)
# what stands before and behind them in the METS schema
_BEFORE_FILE_SEC = ("metsHdr", "dmdSec", "amdSec")
_BEFORE_STRUCT_MAP = (*_BEFORE_FILE_SEC, "fileSec", "structMap")


def apply_deltas(tree: etree._ElementTree, deltas: Iterable[Delta]) -> bool:
    """Write ``deltas`` in, one after the other. Return whether anything changed.

    The same rules as ``MetsIndex.apply``: once or twice is the same, a file that is there stays as it is, and with
    ``overwrite`` what differs on the named pages is replaced. Files, FLocat and agents are written as ocrd_models
    (OcrdFile, OcrdAgent) writes them. ``Agent.id`` must be an xs:ID.
    """
    editor = _Editor(mets_element(tree))
    for delta in deltas:
        editor.apply(delta)
    return editor.changed


class _Group:
    """One file group: its elements and, by ID, its files."""

    def __init__(self, elements: list[etree._Element], place: Place) -> None:
        self.place = place  # in the last element of that name
        self.files: dict[str, list[etree._Element]] = {}
        for element in elements:
            for file in element.iterchildren(FILE):
                self.files.setdefault(file.get("ID") or "", []).append(file)


class _Page:
    """One page: its divs (more than one where it stands twice) and the IDs they link."""

    def __init__(self, divs: list[etree._Element], place: Place) -> None:
        self.divs = divs
        self.place = place  # in the first div
        self.links = {pointer.get("FILEID") or "" for div in divs for pointer in div.iterchildren(FPTR)}


class _Editor:
    """One pass over a tree. Each dictionary is made when it is first needed."""

    def __init__(self, mets: etree._Element) -> None:
        self.mets = mets
        self.changed = False
        self._root_place = Place(mets)
        self._group_elements: dict[str, list[etree._Element]] = {}
        self._groups: dict[str, _Group] = {}
        self._page_divs: dict[str, list[etree._Element]] | None = None
        self._pages: dict[str, _Page] = {}
        self._sequence: Place | None = None
        self._file_sec: Place | None = None
        self._agent_ids: set[str] | None = None
        self._id_counts: Counter[str] | None = None
        self._pointers: dict[str, list[etree._Element]] | None = None
        self._has_xlink = XLINK_NAMESPACE in mets.nsmap.values()
        for section in mets.iterchildren(FILE_SEC):
            for element in section.iter(FILE_GRP):
                self._group_elements.setdefault(element.get("USE") or "", []).append(element)

    def apply(self, delta: Delta) -> None:
        if delta.overwrite:
            self._take_out_what_is_replaced(delta)
        for file in delta.files:
            group = self._group(file.file_grp)
            if file.id not in group.files:
                self._add_file(group, file)
        for agent in delta.agents:
            self._add_agent(agent)

    # files

    def _add_file(self, group: _Group, file: File) -> None:
        element = group.place.append(FILE, ID=file.id)
        if file.mimetype:
            element.set("MIMETYPE", file.mimetype)
        group.files[file.id] = [element]
        inside = group.place.inside(element)
        if file.local_filename:
            location = self._add_location(inside, file.local_filename)
            location.set("LOCTYPE", "OTHER")
            location.set("OTHERLOCTYPE", "FILE")
        if file.url:
            self._add_location(inside, file.url).set("LOCTYPE", "URL")
        if self._id_counts is not None:
            self._id_counts[file.id] += 1
        if file.page_id is not None:
            page = self._page(file.page_id)
            if file.id not in page.links:
                pointer = page.place.append(FPTR, FILEID=file.id)
                page.links.add(file.id)
                if self._pointers is not None:
                    self._pointers.setdefault(file.id, []).append(pointer)
        self.changed = True

    def _add_location(self, inside: Place, href: str) -> etree._Element:
        # where nobody declared the namespace, under the prefix that everybody knows
        location = inside.append(FLOCAT, {} if self._has_xlink else {"xlink": XLINK_NAMESPACE})
        location.set(HREF, href)
        return location

    def _group(self, use: str) -> _Group:
        group = self._groups.get(use)
        if group is None:
            elements = self._group_elements.get(use, [])
            section = self._find_file_sec()
            if elements:
                parent = elements[-1].getparent()
                outer = section if parent is None or parent is section.element else Place(parent, section)
            else:
                elements = self._group_elements[use] = [section.append(FILE_GRP, USE=use)]
                outer = section
                self.changed = True
            group = self._groups[use] = _Group(elements, Place(elements[-1], outer))
        return group

    def _find_file_sec(self) -> Place:
        if self._file_sec is None:
            sections = list(self.mets.iterchildren(FILE_SEC))
            element = sections[-1] if sections else self._add_section(FILE_SEC, _BEFORE_FILE_SEC)
            self._file_sec = Place(element, self._root_place)
        return self._file_sec

    # pages

    def _page(self, page_id: str) -> _Page:
        page = self._pages.get(page_id)
        if page is None:
            if self._page_divs is None:
                self._page_divs = {}
                for div in page_divs(self.mets):
                    self._page_divs.setdefault(div.get("ID") or "", []).append(div)
            divs = self._page_divs.get(page_id)
            sequence = self._find_sequence()
            if divs is None:
                divs = self._page_divs[page_id] = [sequence.append(DIV, TYPE="page", ID=page_id)]
                self.changed = True
            page = self._pages[page_id] = _Page(divs, Place(divs[0], sequence))
        return page

    def _find_sequence(self) -> Place:
        """Where pages stand: beside the last one, or else in the ``physSequence``, which is made when it is missing."""
        if self._sequence is None:
            last = list(self._page_divs.values())[-1][-1].getparent() if self._page_divs else None
            struct_map = next((e for e in self.mets.iterchildren(STRUCT_MAP) if e.get("TYPE") == "PHYSICAL"), None)
            if struct_map is None:
                struct_map = self._add_section(STRUCT_MAP, _BEFORE_STRUCT_MAP)
                struct_map.set("TYPE", "PHYSICAL")
            outer = Place(struct_map, self._root_place)
            if last is None:
                last = next((e for e in struct_map.iterchildren(DIV) if e.get("TYPE") == "physSequence"), None)
            if last is None:
                last = outer.append(DIV, TYPE="physSequence")
            self._sequence = Place(last, outer)
        return self._sequence

    def _add_section(self, tag: str, earlier: tuple[str, ...]) -> etree._Element:
        """A section of the METS itself, after those that the schema puts before it."""
        tags = tuple(f"{{{METS_NAMESPACE}}}{name}" for name in earlier)
        after = next(self.mets.iterchildren(*tags, reversed=True), None)
        self.changed = True
        return self._root_place.insert_after(after, tag)

    # what is replaced

    def _take_out_what_is_replaced(self, delta: Delta) -> None:
        wanted: dict[tuple[str, str | None], dict[str, File]] = {}
        for file in delta.files:
            wanted.setdefault((file.file_grp, file.page_id), {})[file.id] = as_indexed(file)
        for (use, page_id), new in wanted.items():
            if use not in self._group_elements:
                continue
            group = self._group(use)
            linked = group.files.keys() - self._all_pointers() if page_id is None else self._page(page_id).links
            for file_id in linked & group.files.keys():
                for element in list(group.files[file_id]):
                    mimetype, local_filename, url = read_attributes(element)
                    if new.get(file_id) != File(file_id, use, mimetype, page_id, local_filename, url):
                        self._take_out(group, element, file_id, page_id)

    def _take_out(self, group: _Group, element: etree._Element, file_id: str, page_id: str | None) -> None:
        counts = self._count_ids()
        if counts[file_id] == 1 and page_id is not None:
            page = self._page(page_id)
            pointers = self._all_pointers().get(file_id, [])
            for pointer in [p for p in pointers if p.getparent() in page.divs]:
                pointers.remove(pointer)
                Place.remove(pointer)
            page.links.discard(file_id)
            page.place = page.place.anew()
            self.changed = True
            if pointers:
                return
        Place.remove(element)
        group.place = group.place.anew()
        counts[file_id] -= 1
        group.files[file_id].remove(element)
        if not group.files[file_id]:
            del group.files[file_id]
        self.changed = True

    def _count_ids(self) -> Counter[str]:
        if self._id_counts is None:
            self._id_counts = Counter(strings(_FILE_IDS, self.mets))
        return self._id_counts

    def _all_pointers(self) -> dict[str, list[etree._Element]]:
        if self._pointers is None:
            self._pointers = {}
            for div in page_divs(self.mets):
                for pointer in div.iterchildren(FPTR):
                    self._pointers.setdefault(pointer.get("FILEID") or "", []).append(pointer)
        return self._pointers

    # agents

    def _add_agent(self, agent: Agent) -> None:
        header = next(self.mets.iterchildren(METS_HDR), None)
        if self._agent_ids is None:
            found = () if header is None else header.iterchildren(AGENT)
            self._agent_ids = {element.get("ID") or "" for element in found}
        if agent.id in self._agent_ids:
            return
        if header is None:
            header = self._root_place.insert_after(None, METS_HDR)
        place = Place(header, self._root_place)
        last = next(header.iterchildren(AGENT, reversed=True), None)
        element = place.insert_after(last, AGENT)
        element.set("ID", agent.id)
        element.set("TYPE", "OTHER")
        element.set("OTHERTYPE", "SOFTWARE")
        element.set("ROLE", "OTHER")
        element.set("OTHERROLE", agent.otherrole)
        inside = place.inside(element)
        inside.append(NAME).text = agent.name
        for option, text in agent.notes:
            note = inside.append(NOTE, {"ocrd": OCRD_NAMESPACE})
            note.set(_OPTION, option)
            note.text = text
        self._agent_ids.add(agent.id)
        self.changed = True
