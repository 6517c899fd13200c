"""What the index takes from a METS tree: pages, file groups and files, in document order.

The rules are those of ocrd_models.OcrdMets (ocrd 3.13.3), with a wider heart for METS as they are found: page divs may
stand twice or be nested, files may lack a page, and sections may be missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from offizin.messages import File
from offizin.mets.tree import (
    FILE,
    FILE_GRP,
    FILE_SEC,
    FLOCAT,
    FPTR,
    HREF,
    METS_NAMESPACE,
    MODS_IDENTIFIER,
    as_path,
    page_divs,
    strings,
)

_NO_PAGE: list[str | None] = [None]
_IDENTIFIER_PRIORITY = ("purl", "urn", "doi", "url")
# all IDs but those of files and pages, which are known anyway
_OTHER_IDS = etree.XPath(
    "descendant-or-self::*[@ID][not(self::m:file)][not(self::m:div[@TYPE='page'])]/@ID",
    namespaces={"m": METS_NAMESPACE},
    smart_strings=False,
)


@dataclass(frozen=True, slots=True)
class Contents:
    """``files`` has a file that several pages link once for each of them.

    ``dangling`` are the IDs that no file has, with the pages that link them; ``other_ids`` the XML IDs of everything
    that is neither file nor page.
    """

    pages: list[str]
    file_groups: list[str]
    files: list[File]
    unique_identifier: str | None
    dangling: dict[str, list[str]]
    other_ids: frozenset[str]


def read_contents(mets: etree._Element) -> Contents:
    pages, links = _read_pages(mets)
    file_groups: dict[str, None] = {}
    files: list[File] = []
    ids: set[str] = set()
    for file_grp, element in _file_elements(mets, file_groups):
        file_id = element.get("ID")
        if not file_id:
            continue  # nothing can point to it
        ids.add(file_id)
        mimetype, local_filename, url = read_attributes(element)
        for page_id in links.get(file_id, _NO_PAGE):
            files.append(File(file_id, file_grp, mimetype, page_id, local_filename, url))
    return Contents(
        pages=pages,
        file_groups=list(file_groups),
        files=files,
        unique_identifier=_unique_identifier(mets),
        dangling={file_id: linked for file_id, linked in links.items() if file_id not in ids},
        other_ids=frozenset(strings(_OTHER_IDS, mets)),
    )


def read_attributes(element: etree._Element) -> tuple[str, str | None, str | None]:
    """Media type, local path and URL of a ``mets:file``. Of several FLocat of one kind the first counts."""
    local_filename = url = None
    for location in element.iterchildren(FLOCAT):
        kind = location.get("LOCTYPE")
        if kind == "URL":
            url = url or location.get(HREF)
        elif kind == "OTHER" and local_filename is None and location.get("OTHERLOCTYPE") == "FILE":
            href = location.get(HREF)
            local_filename = as_path(href) if href else None
    return element.get("MIMETYPE") or "", local_filename, url or None


def as_indexed(file: File) -> File:
    """A file as a METS can say it, and as it will be read back: without size and digest."""
    local_filename = as_path(file.local_filename) if file.local_filename else None
    return File(file.id, file.file_grp, file.mimetype, file.page_id, local_filename, file.url or None)


def _read_pages(mets: etree._Element) -> tuple[list[str], dict[str, list[str]]]:
    """Page ids, each once, and for each linked file ID the pages that link it."""
    pages: dict[str, None] = {}
    links: dict[str, list[str]] = {}
    for div in page_divs(mets):
        page_id = div.get("ID") or ""
        pages[page_id] = None
        for pointer in div.iterchildren(FPTR):
            file_id = pointer.get("FILEID")
            if not file_id:
                continue
            if file_id in links:
                links[file_id].append(page_id)
            else:
                links[file_id] = [page_id]
    for file_id, linked in links.items():
        if len(linked) > 1:
            links[file_id] = list(dict.fromkeys(linked))
    return list(pages), links


def _file_elements(mets: etree._Element, file_groups: dict[str, None]) -> Iterator[tuple[str, etree._Element]]:
    """Files with the USE of their group, which is empty when it has none. Fills ``file_groups`` on the way."""
    for section in mets.iterchildren(FILE_SEC):
        for group in section.iter(FILE_GRP):
            use = group.get("USE") or ""
            file_groups[use] = None
            for element in group.iterchildren(FILE):
                yield use, element


def _unique_identifier(mets: etree._Element) -> str | None:
    """As the spec has it: https://ocr-d.de/en/spec/mets#unique-id-for-the-document-processed."""
    found: dict[str, str | None] = {}
    for element in mets.iter(MODS_IDENTIFIER):
        found.setdefault(element.get("type") or "", element.text)
    return next((found[kind] for kind in _IDENTIFIER_PRIORITY if kind in found), None)
