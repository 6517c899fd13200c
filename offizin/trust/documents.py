"""XML of others, read with lxml: no entities, no DTD, no network, bounded in size and depth.

libxml2 (2.9 and newer) bounds the depth to 256 elements, texts and names to 10 MB, and how far entities may blow up;
``huge_tree``, which would lift that, stays off. The METS of a workspace is not read here but in ``offizin.mets.walk``,
which needs no tree, and has the same bounds.
"""

from __future__ import annotations

from lxml import etree

from offizin.trust.bounds import MOST_PAGE


class Unsafe(ValueError):
    """The message says what is wrong, in one sentence without a full stop; whoever asked makes an error of it."""


def parse_xml(content: bytes, most: int = MOST_PAGE, *, comments: bool = True) -> etree._Element:
    """The root of the document. ``most`` bounds the bytes; ``comments``: whether they are kept.

    Raises Unsafe (a ValueError) for what is no well-formed XML, too large, too deep, or declares entities.
    """
    if len(content) > most:
        raise Unsafe(f"it is larger than {most // 1024 // 1024} MiB")
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, remove_comments=not comments
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as fault:
        raise Unsafe(f"it is no well-formed XML: {fault}") from fault
    declared = root.getroottree().docinfo.internalDTD
    if declared is not None and declared.entities():  # type: ignore[union-attr]  # not in the stubs
        raise Unsafe("it declares entities: 'xmllint --noent' writes them out")
    return root
