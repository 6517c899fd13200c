"""Changes to the bytes of a document, and what they do to the places in it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

import msgspec

from offizin.mets.layout import Spot, Style


class Edit(msgspec.Struct, gc=False):
    """At ``at``, ``removed`` bytes go and ``text`` comes. ``marks`` are new places, counted from the text's start."""

    at: int
    removed: int = 0
    text: bytes = b""
    marks: Sequence[Mark] = ()


class Mark(msgspec.Struct, gc=False):
    """A place called ``key`` in the table ``table``: ``sections``, ``groups`` or ``pages``."""

    table: str
    key: str
    offset: int
    style: Style


class Child(msgspec.Struct, gc=False):
    """The text of a new element, and the places in it."""

    text: bytes
    marks: Sequence[Mark] = ()


def insertion(content: bytes, spot: Spot, children: list[Child], table: str, key: str) -> Edit:
    """Put ``children`` into the element that ``spot`` belongs to, which is called ``key`` in ``table``."""
    style = spot.style
    inner = style.inner.encode()
    opening = b">" if style.shut else b""
    parts = [opening]
    length = len(opening)
    marks: list[Mark] = []
    for child in children:
        parts += (inner, child.text)
        length += len(inner)
        for mark in child.marks:
            marks.append(Mark(mark.table, mark.key, mark.offset + length, mark.style))
        length += len(child.text)
    marks.append(Mark(table, key, length, Style(style.prefix, style.inner) if style.closing or style.shut else style))
    parts.append(style.closing.encode())
    removed = 0
    if style.shut:
        removed = content.index(b"/>", spot.at) + 2 - spot.at
        parts.append(f"</{style.shut}>".encode())
    return Edit(spot.at, removed, b"".join(parts), marks)


def removal(content: bytes, start: int, end: int) -> Edit:
    """Take an element out with the white space before it."""
    behind = content.rfind(b">", 0, start) + 1
    begin = start if content[behind:start].strip() else behind
    return Edit(begin, end - begin)


class Splice:
    """``edits`` done to ``content``: the new ``content``, and where things have moved. Edits must not overlap."""

    def __init__(self, content: bytes, edits: list[Edit]) -> None:
        edits = sorted(edits, key=lambda edit: edit.at)
        parts: list[bytes] = []
        done = 0
        for edit in edits:
            parts += (content[done : edit.at], edit.text)
            done = edit.at + edit.removed
        parts.append(content[done:])
        self.content = b"".join(parts)
        self._offsets = [edit.at for edit in edits]
        self._shifts = [0, *accumulate(len(edit.text) - edit.removed for edit in edits)]
        self._edits = edits

    def moved(self, spots: dict[str, Spot], table: str) -> dict[str, Spot]:
        """The places of one table, moved and with the new ones."""
        offsets, shifts = self._offsets, self._shifts
        moved = {key: Spot(spot.at + shifts[bisect_left(offsets, spot.at)], spot.style) for key, spot in spots.items()}
        for edit, shift in zip(self._edits, self._shifts, strict=False):
            for mark in edit.marks:
                if mark.table == table:
                    moved[mark.key] = Spot(edit.at + shift + mark.offset, mark.style)
        return moved
