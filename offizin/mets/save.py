"""Write what was added to a METS into its file: atomically, and never over somebody else's change.

The new content goes to a temporary file in the same directory, is synced, and changes places with mets.xml in one
step (renameat2, RENAME_EXCHANGE). What came out is compared with what was read: a change that slipped in between is put
back.
Where the file system cannot exchange names (NFS), the file is compared once more and then replaced.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from offizin.errors import MetsChanged, MetsInvalid, MetsMissing
from offizin.faults import reach
from offizin.messages import Delta
from offizin.mets.document import apply_deltas
from offizin.mets.exchange import exchange_names
from offizin.mets.stamp import Stamp, digest_of, read_with_stamp
from offizin.mets.tree import parse, serialise

_MARK = ".offizin-"


def save(path: Path, deltas: Sequence[Delta], known: Stamp) -> Stamp:
    """Write ``deltas`` into the METS at ``path`` and return what the file is now. Blocking; meant for a thread.

    ``known`` is what the file was when we last read or wrote it. Where ``path`` is a symbolic link, its target is
    written.
    Raises MetsChanged when the file is another by now, MetsMissing when it is gone, MetsInvalid when it is no METS;
    OSError when it cannot be written (the file is then as before).
    """
    target = path.resolve()
    _clean(target)
    content, stamp = _read(target, path)
    if stamp.digest != known.digest:
        raise _changed(path, known)
    tree = parse(content, path)
    if not apply_deltas(tree, deltas):
        return stamp
    written = serialise(tree, content)
    del tree
    temporary = target.with_name(f".{target.name}{_MARK}{os.getpid()}.part")
    try:
        status = _write(temporary, written, like=target)
        reach("save: temporary file written")
        _replace(temporary, target, path, known)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_directory(target.parent)
    return Stamp.of(status, written)


def _read(target: Path, path: Path) -> tuple[bytes, Stamp]:
    try:
        return read_with_stamp(target)
    except (FileNotFoundError, NotADirectoryError):
        raise MetsMissing(
            f"the METS file {path} is gone; somebody moved or deleted it while it was open",
            advice="Put it back as it was; what was made since is kept and written then.",
        ) from None
    except OSError as error:
        raise MetsInvalid(f"{path} cannot be read: {error.strerror}") from error


def _write(temporary: Path, content: bytes, *, like: Path) -> os.stat_result:
    model = like.stat()
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb", buffering=0) as file:  # noqa: PTH123
        view = memoryview(content)
        while view:
            view = view[file.write(view) :]
        own = os.fstat(descriptor)
        if (own.st_uid, own.st_gid) != (model.st_uid, model.st_gid):
            try:
                os.fchown(descriptor, model.st_uid, model.st_gid)
            except PermissionError:
                pass  # only root may give files away; the mode below is the same in any case
        os.fchmod(descriptor, model.st_mode & 0o7777)
        os.fsync(descriptor)
        return os.fstat(descriptor)


def _replace(temporary: Path, target: Path, path: Path, known: Stamp) -> None:
    try:
        exchanged = exchange_names(temporary, target)
    except FileNotFoundError:
        raise MetsMissing(f"the METS file {path} is gone; somebody moved or deleted it while it was open") from None
    if exchanged:
        if digest_of(temporary.read_bytes()) != known.digest:
            exchange_names(temporary, target)
            raise _changed(path, known)
        reach("save: names exchanged")
        return
    if digest_of(target.read_bytes()) != known.digest:
        raise _changed(path, known)
    temporary.replace(target)


def _changed(path: Path, known: Stamp) -> MetsChanged:
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(known.mtime_ns / 1e9))
    return MetsChanged(
        f"{path} was changed by somebody else since {since}, while it was open here; it was left as it is",
        advice="Wait until nothing runs on this workspace, or put the earlier file back; then retry. Nothing is lost.",
    )


def _clean(target: Path) -> None:
    """Delete what a save that was killed left behind."""
    for leftover in target.parent.glob(f".{_escaped(target.name)}{_MARK}*.part"):
        leftover.unlink(missing_ok=True)


def _escaped(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
