"""Of what a page's files were made."""

from __future__ import annotations

import msgspec


class FileState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a file was when it was read or written. ``path`` as the METS has it; ``size`` in bytes; ``changed_at`` its
    mtime in nanoseconds; ``digest`` the hex BLAKE2b-128 of the content."""

    path: str
    size: int
    changed_at: int
    inode: int
    digest: str


class Made(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How an attempt came to a page's files: ``recipe`` and ``inputs`` are digests (see ``messages.recipes``),
    ``reads`` the files behind ``inputs`` as far as they lie on disk."""

    page: str
    recipe: str
    inputs: str
    reads: list[FileState] = []


class Dropped(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A page's files in a group that were taken out, as a workflow said, and what they were: mimetype and digest."""

    file_grp: str
    page: str
    outputs: list[tuple[str, str]]
