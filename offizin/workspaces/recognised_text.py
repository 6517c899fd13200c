"""The text that a workspace holds, page by page."""

from __future__ import annotations

from pathlib import Path

from offizin.mets.index import MetsIndex
from offizin.workspaces.page_text import page_text

PAGE_MIMETYPE = "application/vnd.prima.page+xml"


def recognised_text(mets: Path, file_grp: str) -> dict[str, list[str]]:
    """Page id to text lines (see ``page_text``), in METS order, of pages that have a PAGE-XML in ``file_grp``.

    Blocking. Raises MetsMissing or MetsInvalid, and what ``page_text`` raises.
    """
    index = MetsIndex.read(mets)
    texts: dict[str, list[str]] = {}
    for page_id in index.pages:
        for file in index.files(file_grp, page_id):
            if file.mimetype == PAGE_MIMETYPE and file.local_filename:
                texts[page_id] = page_text(index.directory / file.local_filename)
                break
    return texts
