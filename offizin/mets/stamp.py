"""What a mets.xml was when it was read or written, so that somebody else's change to it is noticed."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from dataclasses import dataclass, field, replace
from pathlib import Path

from offizin.mets.layout import Layout
from offizin.trust.bounds import MOST_METS


@dataclass(frozen=True, slots=True)
class Stamp:
    """``size`` in bytes, ``mtime_ns`` since the epoch, ``digest`` the hex BLAKE2b-128 of the content.

    ``layout`` is where in that content new elements go, when it is known; it saves a save the reading.
    """

    size: int
    mtime_ns: int
    inode: int
    digest: str
    layout: Layout | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, status: os.stat_result, content: bytes) -> Stamp:
        return cls(len(content), status.st_mtime_ns, status.st_ino, digest_of(content))

    def with_layout(self, layout: Layout | None) -> Stamp:
        return replace(self, layout=layout)

    def fits(self, status: os.stat_result) -> bool:
        """Whether the file looks untouched without reading it."""
        return (self.size, self.mtime_ns, self.inode) == (status.st_size, status.st_mtime_ns, status.st_ino)

    def still_holds(self, path: Path) -> bool:
        """Whether the file at ``path`` is still the same: untouched, or touched with the same content.

        Blocking. Raises OSError when it cannot be read.
        """
        status = path.stat()
        if self.fits(status):
            return True
        return status.st_size == self.size and digest_of(path.read_bytes()) == self.digest


def digest_of(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def read_with_stamp(path: Path) -> tuple[bytes, Stamp]:
    """Read a whole file and say what it was. Raises OSError, also for what is no plain file or too large."""
    # not blocking: a FIFO would be waited for
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        # the status before the content: a change in between makes the stamp look old, never new
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no plain file", str(path))
        if status.st_size > MOST_METS:
            raise OSError(errno.EFBIG, f"it is larger than {MOST_METS // 1024 // 1024} MiB", str(path))
        content = file.read()
    return content, Stamp.of(status, content)
