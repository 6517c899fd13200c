"""A zip that is read while it is written: nothing of it is kept, however long it becomes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

_PART = 1024 * 1024  # bytes
# Images are packed already.
_PACKED_BY_US = frozenset({".xml", ".txt", ".json", ".html", ".tsv", ".csv", ".md"})
_OLDEST = (1980, 1, 1, 0, 0, 0)


class _Sink:
    """What ``ZipFile`` writes to, without a way back."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self.parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        pass


class ZipStream:
    """Each method gives the next bytes of the zip; ``end`` the last ones. Blocking."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._zip = ZipFile(self._sink, "w")  # type: ignore[call-overload]  # it needs no more than write and flush

    def text(self, name: str, text: str, at: float) -> Iterator[bytes]:
        """``at``: in seconds since the epoch."""
        yield from self.parts(name, iter([text.encode()]), len(text.encode()), at)

    def file(self, name: str, path: Path) -> Iterator[bytes]:
        """Raises OSError."""
        with path.open("rb") as opened:
            status = path.stat()
            yield from self.parts(name, iter(lambda: opened.read(_PART), b""), status.st_size, status.st_mtime)

    def parts(self, name: str, parts: Iterator[bytes], size: int, at: float) -> Iterator[bytes]:
        """``size`` in bytes tells whether it needs zip64."""
        member = ZipInfo(name, max(_OLDEST, time.gmtime(at)[:6]))
        member.compress_type = ZIP_DEFLATED if Path(name).suffix.lower() in _PACKED_BY_US else ZIP_STORED
        member.external_attr = 0o644 << 16
        member.file_size = size
        with self._zip.open(member, "w") as written:
            for part in parts:
                written.write(part)
                yield self._taken()
        yield self._taken()

    def end(self) -> Iterator[bytes]:
        self._zip.close()
        yield self._taken()

    def _taken(self) -> bytes:
        taken = b"".join(self._sink.parts)
        self._sink.parts.clear()
        return taken
