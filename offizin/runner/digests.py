"""Digests of files, computed once for as long as nothing says that a file has changed: size, time stamp, inode."""

from __future__ import annotations

import hashlib
import os
from typing import Any

Stat = Any  # os.stat_result


class Digests:
    """Of the last files that were read or written, by absolute path."""

    def __init__(self, most: int = 8192) -> None:
        self._most = most
        self._known: dict[str, tuple[int, int, int, str]] = {}

    def of(self, path: str) -> tuple[int, int, int, str] | None:
        """Size, mtime in nanoseconds, inode, hex BLAKE2b-128; None for what cannot be read, or changes just now."""
        try:
            known = self._known.get(path)
            if known is not None:
                status = os.stat(path)
                if known[:3] == (status.st_size, status.st_mtime_ns, status.st_ino):
                    return known
            with open(path, "rb") as stream:
                before = os.fstat(stream.fileno())
                digest = hashlib.blake2b(digest_size=16)
                for block in iter(lambda: stream.read(1 << 20), b""):
                    digest.update(block)
                after = os.fstat(stream.fileno())
        except OSError:
            return None
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            return None
        return self.put(path, after, digest.hexdigest())

    def put(self, path: str, status: Stat, digest: str) -> tuple[int, int, int, str]:
        """This is what the file at ``path`` is, and holds."""
        if len(self._known) >= self._most:
            self._known.clear()
        self._known[path] = found = (status.st_size, status.st_mtime_ns, status.st_ino, digest)
        return found
