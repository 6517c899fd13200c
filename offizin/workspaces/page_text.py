"""The text of a PAGE-XML file in reading order, and how much of it there is.

Any version of the PAGE namespace is read; elements are told apart by their local names
(https://github.com/PRImA-Research-Lab/PAGE-XML).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from offizin.errors import InvalidRequest, NotFound
from offizin.trust.documents import Unsafe, parse_xml

_GROUPS = ("OrderedGroup", "UnorderedGroup", "OrderedGroupIndexed", "UnorderedGroupIndexed")
_REFERENCES = ("RegionRef", "RegionRefIndexed")


@dataclass(frozen=True)
class PageStatistics:
    """Counts of what a page holds; ``confidence`` is the mean over its words (lines where there are no words), 0 to 1,
    None where nothing is said."""

    regions: int
    lines: int
    words: int
    confidence: float | None


def page_text(path: Path) -> list[str]:
    """The text lines of a page: regions in reading order, those it does not name after them in document order, the
    lines of a region as they stand in it.

    A line's text is its first ``TextEquiv``; without one its words, joined by spaces; a region without lines gives the
    lines of its own text. Lines without text are left out. Raises NotFound, or InvalidRequest for what is no PAGE-XML.
    """
    lines: list[str] = []
    for region in _regions_in_order(_page(path)):
        text_lines = _children(region, "TextLine")
        if text_lines:
            lines += (_line_text(line) for line in text_lines)
        elif not _children(region, "TextRegion"):
            lines += _own_text(region).splitlines()
    return [line for line in lines if line]


def page_statistics(path: Path) -> PageStatistics:
    """Raises as ``page_text`` does."""
    page = _page(path)
    regions = [element for element in page.iter() if _is_region(element)]
    lines = [element for element in page.iter() if _name(element) == "TextLine"]
    words = [element for element in page.iter() if _name(element) == "Word"]
    confidences = _confidences(words) or _confidences(lines)
    mean = sum(confidences) / len(confidences) if confidences else None
    return PageStatistics(len(regions), len(lines), len(words), mean)


def _page(path: Path) -> etree._Element:
    try:
        root = parse_xml(path.read_bytes(), comments=False)
    except FileNotFoundError as fault:
        raise NotFound(f"{path} does not exist") from fault
    except OSError as fault:
        raise NotFound(f"{path} cannot be read: {fault}") from fault
    except Unsafe as fault:
        raise InvalidRequest(f"{path}: {fault}") from fault
    pages = _children(root, "Page") if _name(root) == "PcGts" else []
    if not pages:
        raise InvalidRequest(f"{path} is no PAGE-XML: its root is {_name(root)} and has no Page")
    return pages[0]


def _regions_in_order(page: etree._Element) -> Iterator[etree._Element]:
    """Every region once, a nested one after the region that holds it unless the reading order names it elsewhere."""
    by_id = {region.get("id", ""): region for region in page.iter() if _is_region(region)}
    named = [by_id[ref] for ref in _reading_order(page) if ref in by_id]
    given: set[etree._Element] = set()
    placed = set(named)

    def with_nested(region: etree._Element) -> Iterator[etree._Element]:
        if region in given:
            return
        given.add(region)
        yield region
        for child in region:
            if _is_region(child) and child not in placed:
                yield from with_nested(child)

    for region in [*named, *(element for element in page.iter() if _is_region(element))]:
        yield from with_nested(region)


def _reading_order(page: etree._Element) -> Iterator[str]:
    for order in _children(page, "ReadingOrder"):
        for group in order:
            yield from _references(group)


def _references(group: etree._Element) -> Iterator[str]:
    """Region ids of a group and the groups in it; a group may stand for a region itself (its ``regionRef``)."""
    if reference := group.get("regionRef"):
        yield reference
    members = [child for child in group if _name(child) in (*_GROUPS, *_REFERENCES)]
    for member in sorted(members, key=lambda member: _index(member.get("index"))):
        yield from _references(member)


def _index(value: str | None) -> int:
    """Members without an index (those of unordered groups) keep the order of the document."""
    return int(value) if value is not None and value.strip().isdecimal() else 0


def _line_text(line: etree._Element) -> str:
    if own := " ".join(_own_text(line).split()):
        return own
    return " ".join(text for word in _children(line, "Word") if (text := _word_text(word)))


def _word_text(word: etree._Element) -> str:
    if own := _own_text(word).strip():
        return own
    return "".join(_own_text(glyph).strip() for glyph in _children(word, "Glyph"))


def _own_text(element: etree._Element) -> str:
    """The first reading (lowest index) of an element; empty when it has none."""
    first = _first_reading(element)
    if first is None:
        return ""
    texts = _children(first, "Unicode") or _children(first, "PlainText")
    return (texts[0].text or "") if texts else ""


def _first_reading(element: etree._Element) -> etree._Element | None:
    return min(_children(element, "TextEquiv"), key=lambda equiv: _index(equiv.get("index")), default=None)


def _confidences(elements: list[etree._Element]) -> list[float]:
    """Of the elements' first readings, as far as they have one from 0 to 1."""
    found = []
    for element in elements:
        first = _first_reading(element)
        try:
            confidence = float("nan" if first is None else first.get("conf", "nan"))
        except ValueError:
            continue
        if 0 <= confidence <= 1:
            found.append(confidence)
    return found


def _children(element: etree._Element, name: str) -> list[etree._Element]:
    return [child for child in element if _name(child) == name]


def _is_region(element: etree._Element) -> bool:
    return _name(element).endswith("Region")


def _name(element: etree._Element) -> str:
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
