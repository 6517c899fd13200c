"""Files and agents written into a METS.

Pure: bytes in, bytes out; every byte that is neither added nor replaced stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from offizin.messages import Agent, File
from offizin.mets.edits import Child, Edit, Mark, Splice, insertion
from offizin.mets.elements import agent_element, escape, file_element, pointer_element
from offizin.mets.layout import FILE_SEC, HEADER, SEQUENCE, Layout, Style


@dataclass(frozen=True, slots=True)
class Document:
    """A METS in UTF-8, and the places in it."""

    content: bytes
    layout: Layout

    def edited(self, edits: list[Edit], file_ids: dict[str, frozenset[str]]) -> Document:
        """With the edits done, and with these file IDs by group."""
        splice, layout = Splice(self.content, edits), self.layout
        moved = replace(
            layout,
            sections=splice.moved(layout.sections, "sections"),
            groups=splice.moved(layout.groups, "groups"),
            pages=splice.moved(layout.pages, "pages"),
            file_ids=file_ids,
        )
        return Document(splice.content, moved)


@dataclass(frozen=True, slots=True)
class Additions:
    """``groups`` and ``pages`` say in which order new ones come, where it is not that of the files."""

    files: Sequence[File]
    groups: Sequence[str] = ()
    pages: Sequence[str] = ()
    agents: Sequence[Agent] = ()


def with_additions(document: Document, additions: Additions) -> Document:
    """The document with the additions in it; the same one when it has them all.

    Adding twice is the same as once, and what the document has stays as it is. It must have the sections it needs
    (see ``offizin.mets.sections``).
    """
    return _Draft(document, additions).finish()


class _Draft:
    """What is to be added to a document, gathered by the places where it goes."""

    def __init__(self, document: Document, additions: Additions) -> None:
        self._document = document
        self._layout = document.layout
        self._styles = {use: spot.style for use, spot in self._layout.groups.items()}
        self._files: dict[str, list[Child]] = {use: [] for use in additions.groups}
        self._pointers: dict[str, list[Child]] = {page_id: [] for page_id in additions.pages}
        self._agents: list[Child] = []
        self._file_ids: dict[str, set[str]] = {}
        self._agent_ids = set(self._layout.agent_ids)
        for file in additions.files:
            self._add_file(file)
        for agent in additions.agents:
            self._add_agent(agent)

    def _add_file(self, file: File) -> None:
        use, layout = file.file_grp, self._layout
        ids = self._file_ids.get(use)
        if ids is None:
            ids = self._file_ids[use] = set(layout.file_ids.get(use, ()))
        if file.id in ids:
            return
        ids.add(file.id)
        style = self._styles.get(use)
        if style is None:
            style = self._styles[use] = layout.sections[FILE_SEC].style.nested(layout.unit)
        self._files.setdefault(use, []).append(Child(file_element(file, style, layout.unit, layout.xlink).encode()))
        if file.page_id is not None and file.page_id not in layout.dangling.get(file.id, ()):
            pointer = pointer_element(file.id, self._page_style(file.page_id))
            self._pointers.setdefault(file.page_id, []).append(Child(pointer.encode()))

    def _add_agent(self, agent: Agent) -> None:
        if agent.id not in self._agent_ids:
            self._agent_ids.add(agent.id)
            style = self._layout.sections[HEADER].style
            self._agents.append(Child(agent_element(agent, style, self._layout.unit).encode()))

    def finish(self) -> Document:
        """The document with all of it; the same one when there was nothing to add."""
        if not any(self._files.values()) and not self._agents:
            return self._document
        content, layout = self._document.content, self._layout
        edits: list[Edit] = []
        groups: list[Child] = []
        pages: list[Child] = []
        for use, children in self._files.items():
            if children and use in layout.groups:
                edits.append(insertion(content, layout.groups[use], children, "groups", use))
            elif children:
                tag, attribute = f"{self._styles[use].prefix}fileGrp", f' USE="{escape(use)}"'
                groups.append(_element(tag, attribute, self._styles[use], children, "groups", use))
        for page_id, children in self._pointers.items():
            if children and page_id in layout.pages:
                edits.append(insertion(content, layout.pages[page_id], children, "pages", page_id))
            elif children:
                style = self._page_style(page_id)
                tag, attributes = f"{style.prefix}div", f' TYPE="page" ID="{escape(page_id)}"'
                pages.append(_element(tag, attributes, style, children, "pages", page_id))
        for section, children in ((HEADER, self._agents), (FILE_SEC, groups), (SEQUENCE, pages)):
            if children:
                edits.append(insertion(content, layout.sections[section], children, "sections", section))
        file_ids = layout.file_ids | {use: frozenset(ids) for use, ids in self._file_ids.items() if ids}
        document = self._document.edited(edits, file_ids)
        added = {file_id for ids in self._file_ids.values() for file_id in ids} if layout.dangling else set()
        dangling = {file_id: linked for file_id, linked in layout.dangling.items() if file_id not in added}
        return Document(
            document.content, replace(document.layout, agent_ids=frozenset(self._agent_ids), dangling=dangling)
        )

    def _page_style(self, page_id: str) -> Style:
        spot = self._layout.pages.get(page_id)
        return spot.style if spot else self._layout.sections[SEQUENCE].style.nested(self._layout.unit)


def _element(tag: str, attributes: str, style: Style, children: list[Child], table: str, key: str) -> Child:
    """A new element with children, which is called ``key`` in ``table``."""
    inner = style.inner.encode()
    text = f"<{tag}{attributes}>".encode() + b"".join(inner + child.text for child in children)
    mark = Mark(table, key, len(text), Style(style.prefix, style.inner))
    return Child(text + f"{style.closing}</{tag}>".encode(), [mark])
