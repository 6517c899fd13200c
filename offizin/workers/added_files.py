"""What a program has added, looked at when it has ended: its size, its digest, and what its PAGE holds. Blocking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from offizin.errors import InvalidRequest, NotFound
from offizin.messages import Counts, File
from offizin.workers.file_states import state_of
from offizin.workspaces.page_text import page_statistics
from offizin.workspaces.recognised_text import PAGE_MIMETYPE


@dataclass(frozen=True, slots=True)
class Added:
    """``counts`` are of PAGE in which something was recognised; ``fault``: what is wrong with what is called PAGE."""

    file: File
    counts: Counts | None = None
    fault: str = ""


def look_at(directory: str, files: Sequence[File]) -> list[Added]:
    """In their order. What is not on disk is left as it is: the server refuses it."""
    return [_look_at(directory, file) for file in files]


def richest(added: Sequence[Added]) -> Counts | None:
    """Of a page with several PAGE files: that with the most words, or else lines, or else regions."""
    counts = [each.counts for each in added if each.counts is not None]
    return max(counts, key=lambda each: (each.words, each.lines, each.regions), default=None)


def _look_at(directory: str, file: File) -> Added:
    if not file.local_filename:
        return Added(file)
    state = state_of(directory, file.local_filename)
    if state is None:
        return Added(file)
    file = replace(file, size=state.size, digest=state.digest, changed_at=state.changed_at, inode=state.inode)
    if file.mimetype != PAGE_MIMETYPE:
        return Added(file)
    try:
        found = page_statistics(Path(directory, file.local_filename or ""))
    except (InvalidRequest, NotFound) as error:
        return Added(file, fault=error.message)
    counts = Counts(found.regions, found.lines, found.words, found.confidence)
    return Added(file, counts if found.regions or found.lines or found.words else None)
