"""Files on disk that no METS lists any more, because an attempt that overwrites did not make them again.

They are noted when that attempt's result is taken in, kept with its delta, and deleted after the METS without them is
saved: until then, whatever happens, METS and disk agree. Who overwrites a file in the meantime makes another one of it
(another inode, another time), which is left alone.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path

from offizin.messages import File, Orphan
from offizin.mets.names import as_path


def orphans_of(directory: Path, old: Iterable[File], new: Iterable[File]) -> list[Orphan]:
    """Those of the ``old`` files, which the METS lists, that lie in the workspace and are none of the ``new`` ones."""
    kept = listed_paths(new)
    found: list[Orphan] = []
    for file in old:
        path = _inside(directory, file)
        if path is None or path in kept:
            continue
        identity = _identity(directory / path)
        if identity is not None:
            found.append(Orphan(path, *identity))
    return found


def listed_paths(files: Iterable[File]) -> set[str]:
    """The paths of these files, as they are listed but without detours."""
    return {os.path.normpath(as_path(file.local_filename)) for file in files if file.local_filename}


def delete_orphans(directory: Path, orphans: Iterable[Orphan], listed: Collection[str]) -> list[Path]:
    """Delete those that are still the files they were, and that nothing lists; which they were. Blocking.

    ``listed``: the paths that the METS lists, and what is about to be added to it.
    """
    deleted: list[Path] = []
    for orphan in orphans:
        path = directory / orphan.path
        if orphan.path in listed or _identity(path) != (orphan.size, orphan.changed_at, orphan.inode):
            continue
        try:
            path.unlink()
        except OSError:
            continue  # gone meanwhile, or the directory may not be written: the METS is right all the same
        deleted.append(path)
    return deleted


def delete_empty_directories(directory: Path, deleted: Iterable[Path]) -> None:
    """Those that the ``deleted`` files lay in, but for the workspace itself. Blocking."""
    for parent in {path.parent for path in deleted} - {directory}:
        try:
            parent.rmdir()
        except OSError:
            continue  # something is left in it


def _inside(directory: Path, file: File) -> str | None:
    """Relative to the workspace; None for what lies elsewhere, or is listed with an absolute path."""
    if not file.local_filename:
        return None
    path = os.path.normpath(as_path(file.local_filename))
    return None if path.startswith(("/", "..")) else path


def _identity(path: Path) -> tuple[int, int, int] | None:
    """Size, time of the last change in nanoseconds, inode; None when there is no plain file."""
    try:
        status = path.lstat()
    except (OSError, ValueError):
        return None
    return (status.st_size, status.st_mtime_ns, status.st_ino) if path.is_file() else None
