"""What the index takes from a METS: pages, file groups and files, in document order."""

from __future__ import annotations

from dataclasses import dataclass

from offizin.messages import File
from offizin.mets.names import as_path


@dataclass(frozen=True, slots=True)
class Contents:
    """``files`` has a file that several pages link once for each of them.

    ``dangling`` are the IDs that no file has, with the pages that link them; ``other_ids`` the XML IDs of everything
    that is neither file nor page. ``file_groups`` has an empty name when there are groups without USE.
    """

    pages: list[str]
    file_groups: list[str]
    files: list[File]
    unique_identifier: str | None
    dangling: dict[str, list[str]]
    other_ids: frozenset[str]


def as_indexed(file: File) -> File:
    """A file as a METS can say it, and as it will be read back: without size and digest."""
    local_filename = as_path(file.local_filename) if file.local_filename else None
    return File(file.id, file.file_grp, file.mimetype, file.page_id, local_filename, file.url or None)
