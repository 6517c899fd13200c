"""Reading logs. Blocking; what is not there is empty."""

from __future__ import annotations

from pathlib import Path

TAIL_LINES = 15
TAIL_BYTES = 4000


def log_tail(path: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log, decoded with replacement."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - TAIL_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def read_part(path: Path, offset: int, most: int) -> bytes:
    """At most ``most`` bytes from ``offset`` on."""
    try:
        with path.open("rb", buffering=0) as file:
            file.seek(offset)
            return file.read(most)
    except OSError:
        return b""


def read_end(path: Path, begin: int, most: int) -> tuple[bytes, int]:
    """The last ``most`` bytes at most, none from before ``begin``; and from which byte on they are."""
    try:
        with path.open("rb", buffering=0) as file:
            start = max(begin, file.seek(0, 2) - most)
            file.seek(start)
            return file.read(most), start
    except OSError:
        return b"", begin
