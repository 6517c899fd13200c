"""A new METS: what ``ocrd workspace init`` and ``ocrd workspace add`` would write (ocrd_models mets-empty.xml)."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from offizin import __version__
from offizin.errors import Conflict
from offizin.messages import Delta, File
from offizin.mets.document import Document
from offizin.mets.elements import escape
from offizin.mets.save import apply_deltas
from offizin.mets.scan import Scan

_TEMPLATE = """<?xml version="1.0" encoding="UTF-8"?>
<mets:mets xmlns:mets="http://www.loc.gov/METS/" xmlns:mods="http://www.loc.gov/mods/v3" \
xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xsi:schemaLocation="http://www.loc.gov/METS/ http://www.loc.gov/standards/mets/mets.xsd \
http://www.loc.gov/mods/v3 http://www.loc.gov/standards/mods/v3/mods-3-6.xsd">
  <mets:metsHdr{created}>
    <mets:agent TYPE="OTHER" OTHERTYPE="SOFTWARE" ROLE="CREATOR">
      <mets:name>offizin v{version}</mets:name>
    </mets:agent>
  </mets:metsHdr>
  <mets:dmdSec ID="DMDLOG_0001">
    <mets:mdWrap MDTYPE="MODS">
      <mets:xmlData>
        <mods:mods>
          <mods:identifier type="{kind}">{identifier}</mods:identifier>
        </mods:mods>
      </mets:xmlData>
    </mets:mdWrap>
  </mets:dmdSec>
  <mets:amdSec ID="AMD">
  </mets:amdSec>
  <mets:fileSec>
  </mets:fileSec>
  <mets:structMap TYPE="PHYSICAL">
    <mets:div TYPE="physSequence">
{pages}    </mets:div>
  </mets:structMap>
</mets:mets>
"""


@dataclass(frozen=True, slots=True)
class NewPage:
    """A page and its files, each with this page as its ``page_id``. ``order_label`` is the number printed on it."""

    page_id: str
    files: Sequence[File]
    order: int | None = None
    order_label: str | None = None


def create(path: Path, pages: Sequence[NewPage], identifier: str, *, created: float | None = None) -> None:
    """Write a METS with ``pages`` in this order to ``path``, whole or not at all. Blocking.

    ``identifier`` is the book's: a URN, DOI, URL or any name. ``created``: seconds since the epoch, for the header.
    Raises Conflict when there is something at ``path``, OSError when it cannot be written.
    """
    content = _TEMPLATE.format(
        created="" if created is None else f' CREATEDATE="{time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(created))}"',
        version=__version__,
        kind=_kind(identifier),
        identifier=escape(identifier),
        pages="".join(f"      <mets:div{_attributes(page)}></mets:div>\n" for page in pages),
    ).encode()
    empty = Document(content, Scan(content, path).layout())
    files = [file for page in pages for file in page.files]
    _write_new(path, apply_deltas(empty, [Delta(files)], path).content)


def _kind(identifier: str) -> str:
    """The type of a ``mods:identifier``, one that counts as the document's (ocrd_models IDENTIFIER_PRIORITY)."""
    lowered = identifier.lower()
    if lowered.startswith("urn:"):
        return "urn"
    if lowered.startswith(("doi:", "10.")):
        return "doi"
    return "url" if lowered.startswith(("http:", "https:")) else "purl"


def _attributes(page: NewPage) -> str:
    attributes = f' TYPE="page" ID="{escape(page.page_id)}"'
    if page.order is not None:
        attributes += f' ORDER="{page.order}"'
    if page.order_label is not None:
        attributes += f' ORDERLABEL="{escape(page.order_label)}"'
    return attributes


def _write_new(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.offizin-new")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            raise Conflict(f"there is a file {path} already", advice="Choose another workspace.") from None
        except OSError:  # a file system without hard links
            if path.exists():
                raise Conflict(f"there is a file {path} already", advice="Choose another workspace.") from None
            temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)
