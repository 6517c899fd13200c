"""The physical structMap of a METS as the parser passes it: pages, and the files they link."""

from __future__ import annotations

from collections.abc import Sequence, Set

from offizin.mets import names
from offizin.mets.layout import NOWHERE, Spot
from offizin.mets.walk import Open, Walk


class PhysicalStructure:
    """``pages`` in document order, of each the first div.

    ``sequence`` is where new pages go: beside the last one, or into the ``physSequence``. ``structure`` is the
    structMap.
    """

    def __init__(self, walk: Walk) -> None:
        self.pages: dict[str, Spot] = {}
        self.structure: Spot | None = None
        self.sequence: Spot | None = None
        self._links: dict[str, str | list[str]] = {}  # mostly one page, which then needs no list
        self._walk = walk
        self._open: list[Open] = []  # the structMap first
        self._sequence: Open | None = None
        walk.starts |= {
            names.STRUCT_MAP: self._start_struct_map,
            names.DIV: self._start_div,
            names.FPTR: self._start_pointer,
        }
        walk.ends |= {names.STRUCT_MAP: self._end_struct_map, names.DIV: self._end_div}

    def pages_of(self, file_id: str) -> Sequence[str]:
        """The pages that link a file, each once."""
        linked = self._links.get(file_id, ())
        return (linked,) if isinstance(linked, str) else list(dict.fromkeys(linked))

    def linked_ids(self) -> Set[str]:
        return self._links.keys()

    def _start_struct_map(self, attributes: dict[str, str]) -> None:
        walk = self._walk
        if walk.is_section() and attributes.get("TYPE") == "PHYSICAL":
            self._open = [Open("", walk.offset, walk.depth)]
        if "ID" in attributes:
            walk.other_ids.add(attributes["ID"])

    def _end_struct_map(self) -> None:
        if self._open and self._open[-1].depth == self._walk.depth:
            struct_map = self._open.pop()
            spot = self._spot(struct_map)
            if self.structure is None:
                self.structure = spot
            if struct_map is self._sequence:
                self.sequence = spot

    def _start_div(self, attributes: dict[str, str]) -> None:
        walk = self._walk
        div_id = attributes.get("ID", "")
        if not self._open or self._open[-1].depth != walk.depth - 1:
            if div_id:
                walk.other_ids.add(div_id)  # of another structMap
            return
        parent = self._open[-1]
        div = Open("", walk.offset, walk.depth)
        if parent.child < 0:
            parent.child = div.start
        kind = attributes.get("TYPE")
        if kind == "page" and div_id:
            div.key = div_id
            self.pages.setdefault(div_id, NOWHERE)
            self._sequence = parent
        else:
            if div_id:
                walk.other_ids.add(div_id)
            if kind == "physSequence" and self._sequence is None:
                self._sequence = div
        self._open.append(div)

    def _end_div(self) -> None:
        if not self._open or self._open[-1].depth != self._walk.depth:
            return
        div = self._open.pop()
        if div.key and self.pages[div.key] is NOWHERE:
            self.pages[div.key] = self._spot(div)
        if div is self._sequence:
            self.sequence = self._spot(div)

    def _start_pointer(self, attributes: dict[str, str]) -> None:
        walk = self._walk
        file_id = attributes.get("FILEID")
        if not file_id or not self._open:
            return
        page = self._open[-1]
        if not page.key or page.depth != walk.depth - 1:
            return
        if page.child < 0:
            page.child = walk.offset
        linked = self._links.setdefault(file_id, page.key)
        if isinstance(linked, list):
            linked.append(page.key)
        elif linked is not page.key:
            self._links[file_id] = [linked, page.key]

    def _spot(self, element: Open) -> Spot:
        walk = self._walk
        return walk.source.spot(element.start, element.child, walk.offset, walk.unit)
