"""The lxml tree of a mets.xml: parsed safely, and written as it was.

Parsing and writing leave the interpreter lock free (lxml's parser from memory and its serialiser), so that they may run
in a thread beside the event loop.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import cast
from urllib.parse import unquote

from lxml import etree

from offizin.errors import MetsInvalid

METS_NAMESPACE = "http://www.loc.gov/METS/"
XLINK_NAMESPACE = "http://www.w3.org/1999/xlink"
OCRD_NAMESPACE = "https://ocr-d.de"

METS = f"{{{METS_NAMESPACE}}}mets"
METS_HDR = f"{{{METS_NAMESPACE}}}metsHdr"
AGENT = f"{{{METS_NAMESPACE}}}agent"
NAME = f"{{{METS_NAMESPACE}}}name"
NOTE = f"{{{METS_NAMESPACE}}}note"
FILE_SEC = f"{{{METS_NAMESPACE}}}fileSec"
FILE_GRP = f"{{{METS_NAMESPACE}}}fileGrp"
FILE = f"{{{METS_NAMESPACE}}}file"
FLOCAT = f"{{{METS_NAMESPACE}}}FLocat"
STRUCT_MAP = f"{{{METS_NAMESPACE}}}structMap"
DIV = f"{{{METS_NAMESPACE}}}div"
FPTR = f"{{{METS_NAMESPACE}}}fptr"
MODS_IDENTIFIER = "{http://www.loc.gov/mods/v3}identifier"
HREF = f"{{{XLINK_NAMESPACE}}}href"

_DECLARATION = re.compile(rb"<\?xml\s[^>]*\?>")
_UTF8_MARK = b"\xef\xbb\xbf"
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00", b"<\x00")


def parse(content: bytes, path: Path) -> etree._ElementTree:
    """Parse a METS document. No external entity, no DTD and no network is touched.

    Raises MetsInvalid with the line when it is no XML, or when no METS is in it (an OAI envelope around it is fine).
    """
    try:
        root = etree.fromstring(content, _parser(huge=False))
    except etree.XMLSyntaxError as error:
        if not _is_only_huge(error, content):
            raise _invalid(error, path) from None
        try:
            root = etree.fromstring(content, _parser(huge=True))
        except etree.XMLSyntaxError as second:
            raise _invalid(second, path) from None
    tree = root.getroottree()
    if _find_mets(tree) is None:
        raise MetsInvalid(
            f"{path}, line {root.sourceline or 1}: there is no METS in it, the root element is {root.tag}",
            advice=f"A METS document has an element 'mets' of the namespace {METS_NAMESPACE}.",
        )
    return tree


def mets_element(tree: etree._ElementTree) -> etree._Element:
    """The METS itself: the root, or the first ``mets:mets`` in an envelope."""
    found = _find_mets(tree)
    if found is None:
        raise MetsInvalid(f"there is no METS in it, the root element is {tree.getroot().tag}")
    return found


def serialise(tree: etree._ElementTree, original: bytes) -> bytes:
    """Write the tree as it came: with encoding, declaration and line ends of ``original``, which it was parsed from."""
    encoding = tree.docinfo.encoding or "UTF-8"
    if original.startswith(_WIDE_MARKS):
        return _bytes(tree, encoding, declaration=True)
    mark = _UTF8_MARK if original.startswith(_UTF8_MARK) else b""
    declaration = _DECLARATION.match(original, len(mark))
    body = _bytes(tree, encoding, declaration=False).rstrip(b"\n")
    head = mark + (declaration.group() + b"\n" if declaration else b"")
    end = original[len(original.rstrip()) :].replace(b"\r\n", b"\n")
    written = head + body + end
    if b"\r\n" in original[:4096] and original.count(b"\r\n") == original.count(b"\n"):
        written = written.replace(b"\n", b"\r\n")
    return written


def as_path(href: str) -> str:
    """What a local FLocat points to, without the ``file://`` that some write there."""
    return unquote(href.removeprefix("file://")) if href.startswith("file://") else href


def page_divs(mets: etree._Element) -> list[etree._Element]:
    """All ``mets:div`` of pages, in document order. Nested ones are found, too; those without ID are not pages."""
    return [
        div
        for struct_map in mets.iterchildren(STRUCT_MAP)
        if struct_map.get("TYPE") == "PHYSICAL"
        for div in struct_map.iter(DIV)
        if div.get("TYPE") == "page" and div.get("ID")
    ]


def strings(expression: etree.XPath, element: etree._Element) -> list[str]:
    """What an XPath finds that selects attributes; made without ``smart_strings``."""
    return cast("list[str]", expression(element))


def _bytes(tree: etree._ElementTree, encoding: str, *, declaration: bool) -> bytes:
    return cast("bytes", etree.tostring(tree, encoding=encoding, xml_declaration=declaration))


def _find_mets(tree: etree._ElementTree) -> etree._Element | None:
    root = tree.getroot()
    return root if root.tag == METS else next(root.iter(METS), None)


def _parser(*, huge: bool) -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        strip_cdata=False,
        huge_tree=huge,
        collect_ids=False,
    )


def _is_only_huge(error: etree.XMLSyntaxError, content: bytes) -> bool:
    """Whether nothing but the size of one text stopped the parser, and no entity can blow it up.

    ``huge_tree`` also takes the guard against entities that expand endlessly away, so it is for documents without any.
    """
    if "huge" not in str(error).lower() or content.startswith(_WIDE_MARKS) or b"<!ENTITY" in content:
        return False
    declaration = _DECLARATION.match(content.removeprefix(_UTF8_MARK))
    return (
        declaration is None
        or re.search(rb"encoding\s*=\s*.(?i:utf-8|us-ascii|iso-8859-1)", declaration.group()) is not None
    )


def _invalid(error: etree.XMLSyntaxError, path: Path) -> MetsInvalid:
    line = error.lineno or 1
    return MetsInvalid(
        f"{path}, line {line}: {error.msg}",
        advice="Mend the file, or take it anew from where it came; 'xmllint --noout' shows all faults.",
    )
