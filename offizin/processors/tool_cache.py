"""What processors said of themselves, remembered over restarts in one small JSON file.

An entry counts as long as the program's file is the same (path, size, modification time, inode).
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import msgspec


class Fingerprint(msgspec.Struct, frozen=True):
    """Of the file that a path leads to, symbolic links followed."""

    size: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> Fingerprint:
        """Raises OSError."""
        status = path.stat()
        return cls(status.st_size, status.st_mtime_ns, status.st_ino)


class Entry(msgspec.Struct, frozen=True):
    """``tool`` is the JSON text of the entry of ocrd-tool.json, decoded only when somebody wants it."""

    fingerprint: Fingerprint
    tool: msgspec.Raw
    version: str = ""


class _Content(msgspec.Struct):
    format: int = 1
    tools: dict[str, Entry] = {}


class ToolCache:
    """Only ``save`` may run in another thread. A file that cannot be read or written costs time, never an error."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._entries: dict[str, Entry] | None = None
        self._changed: dict[str, Entry] = {}

    def get(self, executable: Path) -> Entry | None:
        """What is known of this program as it is now."""
        if self._entries is None:
            self._entries = self._read()
        entry = self._entries.get(str(executable))
        try:
            return entry if entry is not None and entry.fingerprint == Fingerprint.of(executable) else None
        except OSError:
            return None

    def put(self, executable: Path, entry: Entry) -> None:
        if self._entries is None:
            self._entries = self._read()
        self._entries[str(executable)] = self._changed[str(executable)] = entry

    def forget(self) -> None:
        """All of it, on disk, too."""
        self._entries, self._changed = {}, {}
        self._file.unlink(missing_ok=True)

    def save(self) -> None:
        """Write what is new, whole or not at all. What another process wrote meanwhile stays; what is gone goes."""
        changed, self._changed = self._changed, {}
        if not changed:
            return
        entries = {**self._read(), **changed}
        entries = {path: entry for path, entry in entries.items() if Path(path).exists()}
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f".{self._file.name}.", dir=self._file.parent)
            try:
                with os.fdopen(handle, "wb") as stream:
                    stream.write(msgspec.json.encode(_Content(tools=entries)))
                Path(name).replace(self._file)
            except OSError:
                Path(name).unlink(missing_ok=True)
        except OSError:
            pass

    def _read(self) -> dict[str, Entry]:
        try:
            content = msgspec.json.decode(self._file.read_bytes(), type=_Content)
        except (OSError, msgspec.DecodeError, msgspec.ValidationError):
            return {}
        return content.tools if content.format == 1 else {}
