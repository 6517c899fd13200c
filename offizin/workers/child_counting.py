"""What a program that is no Python has recognised, counted in the PAGE that it has made. Blocking."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from offizin.errors import InvalidRequest, NotFound
from offizin.messages import Counts, File
from offizin.workspaces.page_text import page_statistics

PAGE = "application/vnd.prima.page+xml"


def counted(directory: str, files: Sequence[File]) -> dict[str | None, Counts]:
    """By page; of several PAGE files of one page, that with the most words. What cannot be read is left to others."""
    found: dict[str | None, Counts] = {}
    for file in files:
        if file.mimetype != PAGE or not file.local_filename:
            continue
        try:
            seen = page_statistics(Path(directory, file.local_filename))
        except (NotFound, InvalidRequest):
            continue
        counts = Counts(seen.regions, seen.lines, seen.words, seen.confidence)
        if counts != Counts() and _richness(counts) > _richness(found.get(file.page_id, Counts())):
            found[file.page_id] = counts
    return found


def _richness(counts: Counts) -> tuple[int, int, int]:
    return counts.words, counts.lines, counts.regions
