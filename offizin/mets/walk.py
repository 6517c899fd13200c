"""One pass of the XML parser over a METS document, and who listens to it.

Expat, not a tree: docs/decisions/0006 has the figures. Nothing outside the document is touched: no external entity, no
DTD, no network; entities that are external, could blow up or hide markup are refused.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.parsers import expat

import msgspec

from offizin.errors import MetsInvalid
from offizin.mets import names
from offizin.mets.source import Source
from offizin.trust.bounds import DEEPEST

_LONGEST_ENTITY = 1000


class Open(msgspec.Struct, eq=False, gc=False):
    """An element that is not closed yet: its ``start`` in bytes, and ``child``, where its first child starts.

    ``key`` is a page's ID or a group's USE.
    """

    key: str
    start: int
    depth: int
    child: int = -1


class Walk:
    """Calls ``starts`` and ``ends`` by element name; both are to be filled before ``run``.

    ``depth`` of the current element counts from 1; ``offset`` is where its tag starts (at the end of an element in the
    short form: behind it). ``other_ids`` are the IDs of elements that nobody listens to.
    """

    def __init__(self, content: bytes, path: Path) -> None:
        self.source = Source(content)
        self.starts: dict[str, Callable[[dict[str, str]], None]] = {names.METS: self._start_mets}
        self.ends: dict[str, Callable[[], None]] = {names.METS: self._end_mets}
        self.other_ids: set[str] = set()
        self.depth = 0
        self.mets_start = -1
        self.unit = "  "
        self._mets_depth = 0
        self._unit_known = False
        self._root = ""
        self._path = path
        self._prefixes: dict[str | None, list[str]] = {}
        self._parser = parser = expat.ParserCreate("utf-8", names.SEPARATOR)
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.StartNamespaceDeclHandler = self._declare
        parser.EndNamespaceDeclHandler = self._forget
        parser.EntityDeclHandler = self._refuse_dangerous_entity

    @property
    def offset(self) -> int:
        return self._parser.CurrentByteIndex

    def run(self) -> None:
        """Raises MetsInvalid with the line when this is no XML, or no METS is in it."""
        try:
            self._parser.Parse(self.source.content, True)
        except expat.ExpatError as error:
            raise MetsInvalid(
                f"{self._path}, line {error.lineno}: {expat.ErrorString(error.code)}",
                advice="Mend the file, or take it anew from where it came; 'xmllint --noout' shows all faults.",
            ) from None
        finally:
            self._parser = None  # type: ignore[assignment]  # it holds us by its handlers, and we hold it
        if self.mets_start < 0:
            raise MetsInvalid(
                f"{self._path}, line 1: there is no METS in it, the root element is '{self._root.split()[-1]}'",
                advice=f"A METS document has an element 'mets' of the namespace {names.METS_NAMESPACE}.",
            )

    def is_section(self) -> bool:
        """Whether the element that just started is a child of the METS itself."""
        if self.depth != self._mets_depth + 1:
            return False
        if not self._unit_known:
            outer, inner = self.source.blank_before(self.mets_start), self.source.blank_before(self.offset)
            step = inner[inner.rfind("\n") + 1 :].removeprefix(outer[outer.rfind("\n") + 1 :])
            if "\n" in inner and step:
                self.unit = step
            self._unit_known = True
        return True

    def collect_text(self, into: list[str] | None) -> None:
        """Begin or (with None) stop to collect character data. Only where it is wanted: most of it is white space."""
        self._parser.CharacterDataHandler = None if into is None else into.append

    def prefix_for(self, namespace: str) -> str:
        """A prefix with colon that means this namespace here; empty when there is none. Never the default namespace."""
        for prefix, meanings in self._prefixes.items():
            if prefix and meanings and meanings[-1] == namespace:
                return prefix + ":"
        return ""

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise MetsInvalid(
                f"{self._path}, line {self._parser.CurrentLineNumber}: more than {DEEPEST} elements in each other",
                advice="No METS needs that; take the file anew from where it came.",
            )
        listener = self.starts.get(name)
        if listener is not None:
            listener(attributes)
        else:
            if "ID" in attributes:
                self.other_ids.add(attributes["ID"])
            if self.depth == 1:
                self._root = name

    def _end(self, name: str) -> None:
        listener = self.ends.get(name)
        if listener is not None:
            listener()
        self.depth -= 1

    def _start_mets(self, attributes: dict[str, str]) -> None:
        if self.mets_start < 0:  # of several in an envelope, the first
            self._mets_depth = self.depth
            self.mets_start = self.offset
        if "ID" in attributes:
            self.other_ids.add(attributes["ID"])

    def _end_mets(self) -> None:
        if self.depth == self._mets_depth:
            self._mets_depth = -2

    def _declare(self, prefix: str | None, namespace: str) -> None:
        self._prefixes.setdefault(prefix, []).append(namespace)

    def _forget(self, prefix: str | None) -> None:
        self._prefixes[prefix].pop()

    def _refuse_dangerous_entity(
        self,
        name: str,
        is_parameter: bool,
        value: str | None,
        base: str | None,
        system_id: str | None,
        public_id: str | None,
        notation: str | None,
    ) -> None:
        harmless = value is not None and not (
            len(value) > _LONGEST_ENTITY or "<" in value or "&" in value or is_parameter
        )
        if not harmless:
            what = "external" if value is None else "long, nested or holds markup"
            raise MetsInvalid(
                f"{self._path}, line {self._parser.CurrentLineNumber}: entity '{name[:100]}' is {what}",
                advice="Write it out: 'xmllint --noent' does.",
            )
