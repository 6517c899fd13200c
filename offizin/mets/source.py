"""The bytes of a document, asked about the white space and tags around an offset."""

from __future__ import annotations

import re

from offizin.mets.layout import Spot, Style

_START_TAG = re.compile(rb"""<[^<>"']*(?:"[^"]*"[^<>"']*|'[^']*'[^<>"']*)*>""")
_NAME = re.compile(rb"<([^\s/>]+)")


class Source:
    """A document in UTF-8. Offsets in bytes; they come from the parser, so there are tags."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self._styles: dict[tuple[str, str, str, str], Style] = {}

    def prefix(self, start: int) -> str:
        """The prefix, with colon, of the element whose start tag is at ``start``."""
        before, colon, _ = self._name(start).partition(":")
        return before + colon if colon else ""

    def element_end(self, start: int, end: int) -> int:
        """The offset behind an element. ``end`` is where the parser reports its end: at the end tag, if it has one."""
        tag_end = self.tag_end(start)
        return tag_end if self._is_short(tag_end) else self.content.index(b">", end) + 1

    def blank_before(self, offset: int) -> str:
        """The white space between ``offset`` and the tag or comment before it; empty when text stands there."""
        between = self.content[self.content.rfind(b">", 0, offset) + 1 : offset]
        return "" if between.strip() else between.decode()

    def spot(self, start: int, child: int, end: int, unit: str) -> Spot:
        """Where an element gets more children.

        ``start`` is its own offset, ``child`` that of its first child that we know (or -1), ``end`` as in
        ``element_end``. ``unit`` is one step of indentation.
        """
        prefix = self.prefix(start)
        if child >= 0:
            return Spot(self._behind_last_child(start, end), self._style(prefix, self.blank_before(child)))
        own = self.blank_before(start)
        inner = own + unit if "\n" in own else ""
        tag_end = self.tag_end(start)
        content = self.content
        if self._is_short(tag_end):
            at = start + len(content[start : tag_end - 2].rstrip())
            return Spot(at, self._style(prefix, inner, own if inner else "", self._name(start)))
        if content[tag_end:end].strip():
            return Spot(self._behind_last_child(start, end), self._style(prefix, inner))
        return Spot(tag_end, self._style(prefix, inner, own if inner and b"\n" not in content[tag_end:end] else ""))

    def spot_inside_first(self, start: int, end: int, unit: str) -> Spot:
        """Where an element gets a new first child."""
        spot, tag_end = self.spot(start, -1, end, unit), self.tag_end(start)
        return spot if self._is_short(tag_end) else Spot(tag_end, spot.style)

    def spot_after(self, start: int, end: int) -> Spot:
        """Where siblings of the same kind go that follow the element at ``start``."""
        return Spot(self.element_end(start, end), self._style(self.prefix(start), self.blank_before(start)))

    def tag_end(self, start: int) -> int:
        """The offset behind the start tag that begins at ``start``."""
        match = _START_TAG.match(self.content, start)
        return match.end() if match else self.content.index(b">", start) + 1

    def _name(self, start: int) -> str:
        match = _NAME.match(self.content, start)
        return match[1].decode() if match else ""

    def _is_short(self, tag_end: int) -> bool:
        return self.content.endswith(b"/>", 0, tag_end)

    def _behind_last_child(self, start: int, end: int) -> int:
        behind = self.content.rfind(b">", start, end) + 1
        return end if self.content[behind:end].strip() else behind

    def _style(self, prefix: str, inner: str, closing: str = "", shut: str = "") -> Style:
        key = (prefix, inner, closing, shut)
        style = self._styles.get(key)
        if style is None:
            style = self._styles[key] = Style(prefix, inner, closing, shut)
        return style
