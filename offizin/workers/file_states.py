"""What files of a workspace are and hold, by reading them. Blocking."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from offizin.messages import FileState


def state_of(directory: str, name: str) -> FileState | None:
    """None for what cannot be read, or changes just now."""
    try:
        with Path(directory, name).open("rb") as stream:
            before = os.fstat(stream.fileno())
            digest = hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
            after = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return None
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        return None
    return FileState(name, after.st_size, after.st_mtime_ns, after.st_ino, digest)
