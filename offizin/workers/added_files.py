"""What a program has added, looked at when it has ended: its size, its digest, and what its PAGE holds. Blocking."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from offizin.errors import InvalidRequest, NotFound
from offizin.messages import Counts, File
from offizin.workspaces.page_text import page_statistics

MIMETYPE_PAGE = "application/vnd.prima.page+xml"


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
    path = Path(directory, file.local_filename)
    digest, size = hashlib.blake2b(digest_size=16), 0
    try:
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
                size += len(block)
    except OSError:
        return Added(file)
    file = replace(file, size=size, digest=digest.hexdigest())
    if file.mimetype != MIMETYPE_PAGE:
        return Added(file)
    try:
        found = page_statistics(path)
    except (InvalidRequest, NotFound) as error:
        return Added(file, fault=error.message)
    counts = Counts(found.regions, found.lines, found.words, found.confidence)
    return Added(file, counts if found.regions or found.lines or found.words else None)
