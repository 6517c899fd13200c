"""Taking out of a document what is empty: file groups without files, and agents of what is no longer there."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from offizin.mets import names
from offizin.mets.document import Document
from offizin.mets.edits import Edit, Splice, removal
from offizin.mets.scan import Scan
from offizin.mets.source import Source
from offizin.mets.walk import Open, Walk


def without_empty(document: Document, groups: Collection[str], agents: Collection[str], path: Path) -> Document:
    """The document without those of ``groups`` in which nothing is, and without the agents whose IDs begin with one of
    ``agents``; the same one when it has none of them."""
    content = document.content
    looking = _Looking(content, path)
    source = Source(content)
    edits: list[Edit] = []
    for use, start, end in looking.empty_groups:
        if use in groups:
            edits.append(removal(content, start, source.element_end(start, end)))
    for agent, start, end in looking.agents:
        if agent.startswith(tuple(agents)):
            edits.append(removal(content, start, source.element_end(start, end)))
    if not edits:
        return document
    left = Splice(content, edits).content
    return Document(left, Scan(left, path).layout())


class _Looking:
    """``empty_groups`` and ``agents``: name, and where they start and end."""

    def __init__(self, content: bytes, path: Path) -> None:
        self.empty_groups: list[tuple[str, int, int]] = []
        self.agents: list[tuple[str, int, int]] = []
        self._walk = walk = Walk(content, path)
        self._groups: list[Open] = []
        self._agent: Open | None = None
        walk.starts |= {
            names.FILE_GRP: self._start_group,
            names.FILE: self._start_file,
            names.AGENT: self._start_agent,
        }
        walk.ends |= {names.FILE_GRP: self._end_group, names.AGENT: self._end_agent}
        walk.run()

    def _start_group(self, attributes: dict[str, str]) -> None:
        self._start_file(attributes)
        self._groups.append(Open(attributes.get("USE", ""), self._walk.offset, self._walk.depth))

    def _start_file(self, attributes: dict[str, str]) -> None:
        """Whatever is around it is not empty."""
        for group in self._groups:
            group.child = self._walk.offset

    def _end_group(self) -> None:
        group = self._groups.pop()
        if group.child < 0:
            self.empty_groups.append((group.key, group.start, self._walk.offset))

    def _start_agent(self, attributes: dict[str, str]) -> None:
        self._agent = Open(attributes.get("ID", ""), self._walk.offset, self._walk.depth)

    def _end_agent(self) -> None:
        if self._agent is not None and self._agent.depth == self._walk.depth:
            self.agents.append((self._agent.key, self._agent.start, self._walk.offset))
