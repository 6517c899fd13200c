"""What a PAGE file holds, counted in its bytes, without parsing it: regions, lines, words and their mean confidence.

All elements whose name ends in ``Region`` are regions, nested ones too; the namespace's prefix is anything. A word's
confidence is that of its first ``TextEquiv`` (by ``index``); where no word has one, the lines' count. The same as
offizin/workspaces/page_text.py finds by parsing.
"""

from __future__ import annotations

import re

_NAME = rb"<(?:[\w.\-]+:)?"
_COUNTED = re.compile(_NAME + rb"(Word|TextLine|[A-Za-z]*Region)[\s/>]")
_HIDDEN = re.compile(rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>", re.DOTALL)
_ATTRIBUTES = rb"""((?:[^>"']|"[^"]*"|'[^']*')*)>"""
_NESTED = re.compile(
    rb"<(/?)(?:[\w.\-]+:)?(Word|TextLine|Glyph|Grapheme|TextEquiv|[A-Za-z]*Region)(?=[\s/>])" + _ATTRIBUTES
)
_CONFIDENCE = re.compile(rb"""\sconf\s*=\s*["']\s*([0-9.eE+\-]+)\s*["']""")
_INDEX = re.compile(rb"""\sindex\s*=\s*["']\s*(\d+)\s*["']""")


def count(body: bytes) -> dict[str, float] | None:
    """The fields of messages.Counts; None for what is no PAGE, or one in which nothing was recognised."""
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        body = body.decode("utf-16", "replace").encode("utf-8")
    if b"PcGts" not in body or b"Region" not in body:
        return None
    if b"<!" in body or b"<?" in body[1:]:
        body = _HIDDEN.sub(b"", body)
    names = _COUNTED.findall(body)
    words, lines = names.count(b"Word"), names.count(b"TextLine")
    found: dict[str, float] = {"regions": len(names) - words - lines, "lines": lines, "words": words}
    found = {name: number for name, number in found.items() if number}
    if (words or lines) and b"conf" in body:
        confidence = _mean_confidence(body)
        if confidence is not None:
            found["confidence"] = confidence
    return found or None


def _mean_confidence(body: bytes) -> float | None:
    """The mean over the words, or else over the lines, of those whose first text has a confidence."""
    known: dict[bytes, list[float]] = {b"Word": [], b"TextLine": []}
    parents: list[_Element] = []
    for closing, name, attributes in _NESTED.findall(body):
        if name == b"TextEquiv":
            if not closing and parents:
                parents[-1].reads(attributes)
        elif not closing:
            if not attributes.endswith(b"/"):
                parents.append(_Element())
        elif parents:
            confidence = parents.pop().confidence
            if confidence is not None and name in known:
                known[name].append(confidence)
    of_all = known[b"Word"] or known[b"TextLine"]
    return round(sum(of_all) / len(of_all), 6) if of_all else None


class _Element:
    """One that is open, and the confidence of the text with the lowest index that it has so far."""

    __slots__ = ("confidence", "index")

    def __init__(self) -> None:
        self.index: int | None = None
        self.confidence: float | None = None

    def reads(self, attributes: bytes) -> None:
        number = _INDEX.search(attributes)
        index = int(number.group(1)) if number else 0
        if self.index is None or index < self.index:
            said = _CONFIDENCE.search(attributes)
            self.index, self.confidence = index, _number(said.group(1)) if said else None


def _number(text: bytes) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0.0 <= number <= 1.0 else None


def richest(counts: list[dict[str, float]]) -> dict[str, float] | None:
    """Of a page with several PAGE files: that with the most words, or else lines, or else regions."""
    names = ("words", "lines", "regions")
    return max(counts, key=lambda each: tuple(each.get(name, 0) for name in names)) if counts else None
