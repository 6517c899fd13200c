"""Which pages and which file group's text a user means."""

from __future__ import annotations

from pathlib import Path

from offizin.errors import FileGroupMissing
from offizin.mets.index import MetsIndex
from offizin.pages import resolve_pages
from offizin.workspaces.page_text import page_text
from offizin.workspaces.recognised_text import PAGE_MIMETYPE


def book_text(
    mets: Path, group: str | None, pages: str | None, *, other_than: str | None = None
) -> list[tuple[str, list[str]]]:
    """(page id, lines) of the selected pages that have a PAGE-XML in ``group``, in METS order. Blocking.

    Without ``group`` it is the last of the METS's that has any and is ``other_than`` this one. Raises MetsMissing,
    MetsInvalid, PagesInvalid, FileGroupMissing when the group has no PAGE-XML for any of these pages, and what
    ``page_text`` raises.
    """
    index = MetsIndex.read(mets)
    chosen = resolve_pages(pages, index.pages)
    groups = [group] if group else [name for name in reversed(index.file_groups) if name != other_than]
    for candidate in groups:
        found = [(page, path) for page in chosen if (path := _page_file(index, candidate, page))]
        if found:
            return [(page, page_text(path)) for page, path in found]
    raise _no_text(index, group, chosen)


def _page_file(index: MetsIndex, group: str, page: str) -> Path | None:
    for file in index.files(group, page):
        if file.mimetype == PAGE_MIMETYPE and file.local_filename:
            return index.directory / file.local_filename
    return None


def _no_text(index: MetsIndex, group: str | None, chosen: list[str]) -> FileGroupMissing:
    there = [name for name in index.file_groups if any(_page_file(index, name, page) for page in chosen)]
    advice = f"Groups that have: {', '.join(there)}." if there else "Run a workflow that recognises text first."
    if group and group not in index.file_groups:
        return FileGroupMissing(f"{index.path} has no file group {group}", advice=advice)
    what = f"file group {group} of {index.path}" if group else f"{index.path}"
    return FileGroupMissing(f"{what} has no PAGE-XML for these pages", advice=advice)
