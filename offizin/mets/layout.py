"""Where in the bytes of a METS new elements go. Found once by the scan, and moved along with each save."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec


class Style(msgspec.Struct, frozen=True, gc=False):
    """How the children of an element are written; shared by all elements that look alike.

    ``prefix`` is the element's own (``mets:`` or empty). ``inner`` is the white space before a child. ``closing`` is
    the white space to be written after the children of an element that has none of its own yet. ``shut`` is the name of
    an element that was written in the short form (``<name/>``) and must be opened first.
    """

    prefix: str
    inner: str
    closing: str = ""
    shut: str = ""

    def nested(self, unit: str) -> Style:
        """The style of a new child that has children itself."""
        return Style(self.prefix, self.inner + unit if self.inner else "", self.inner)


class Spot(msgspec.Struct, frozen=True, gc=False):
    """``at`` is the offset in bytes behind the last child; in the short form, behind the last attribute."""

    at: int
    style: Style


NOWHERE = Spot(-1, Style("", ""))


@dataclass(frozen=True, slots=True)
class Layout:
    """The places in one document, and which IDs are there already. Never changed: a save makes a new one.

    ``sections`` are the places in the header (for agents), in the fileSec (for groups), in the physical structMap, and
    in the sequence (for pages); those the document lacks are not in it. ``groups`` by USE, ``pages`` by ID. ``xlink``
    is the prefix, with colon, that files may use for href; without one they declare it. ``dangling`` are the IDs that
    no file has, with the pages that link them. ``unit`` is one step of indentation.
    """

    sections: dict[str, Spot]
    groups: dict[str, Spot]
    pages: dict[str, Spot]
    file_ids: dict[str, frozenset[str]]
    agent_ids: frozenset[str]
    xlink: str
    dangling: dict[str, list[str]]
    unit: str


HEADER, FILE_SEC, STRUCTURE, SEQUENCE = "header", "file_sec", "structure", "sequence"
