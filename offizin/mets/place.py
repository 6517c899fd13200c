"""New children of an element, indented like those that are there."""

from __future__ import annotations

from lxml import etree

_UNIT = "  "


class Place:
    """An element that gets children.

    ``inner`` is the white space before a child, ``closing`` that before the end tag; both are empty in a document that
    is not indented. ``outer`` is the place the element itself stands in: it tells how an element that is empty yet
    would be indented.
    """

    __slots__ = ("_last", "closing", "element", "inner", "outer")

    def __init__(self, element: etree._Element, outer: Place | None = None) -> None:
        self.element = element
        self.outer = outer
        self._last = next(element.iterchildren(reversed=True), None)
        if self._last is not None:
            previous = self._last.getprevious()
            self.inner = _blank(element.text if previous is None else previous.tail)
            self.closing = _blank(self._last.tail)
        else:
            self.closing = outer.inner if outer else ""
            self.inner = self.closing + outer.unit if outer and self.closing else ""

    @property
    def unit(self) -> str:
        """One step of indentation."""
        return self.inner[len(self.closing) :] if self.inner.startswith(self.closing) and self.closing else _UNIT

    def inside(self, child: etree._Element) -> Place:
        """The place in a new, empty child of this one."""
        return Place(child, self)

    def anew(self) -> Place:
        """The same place after children were taken out."""
        again = Place(self.element, self.outer)
        if again._last is None:
            again.inner, again.closing = self.inner, self.closing
        return again

    def append(self, tag: str, nsmap: dict[str, str] | None = None, /, **attributes: str) -> etree._Element:
        child = etree.SubElement(self.element, tag, attributes, nsmap)
        if self._last is None:
            self.element.text = self.inner or None
        else:
            self._last.tail = self.inner or None
        child.tail = self.closing or None
        self._last = child
        return child

    def insert_after(self, sibling: etree._Element | None, tag: str) -> etree._Element:
        """Like append, but after a certain child; None: before all others."""
        if sibling is None and self._last is not None:
            child = etree.Element(tag, nsmap=None)
            self.element.insert(0, child)
            self.element.text, child.tail = self.element.text or self.inner or None, self.inner or None
            return child
        if sibling is None or sibling is self._last:
            return self.append(tag)
        child = etree.Element(tag)
        tail, sibling.tail = sibling.tail, None
        sibling.addnext(child)
        sibling.tail = self.inner or None
        child.tail = tail
        return child

    @staticmethod
    def remove(child: etree._Element) -> None:
        """Take a child out with the white space that belongs to it."""
        parent, previous, following = child.getparent(), child.getprevious(), child.getnext()
        if parent is None:
            return
        tail = child.tail
        parent.remove(child)
        if following is None or (tail and tail.strip()):
            if previous is None:
                parent.text = tail
            else:
                previous.tail = tail


def _blank(text: str | None) -> str:
    return text if text and not text.strip() else ""
