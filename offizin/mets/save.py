"""Write what was added to a METS into its file: atomically, and never over somebody else's change.

The new content goes to a temporary file in the same directory, is synced, and changes places with mets.xml in one
step (renameat2, RENAME_EXCHANGE). What came out is compared with what was read: a change that slipped in between is put
back.
Where the file system cannot exchange names (NFS), the file is compared once more and then replaced.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from offizin.errors import MetsChanged, MetsInvalid, MetsMissing, Unavailable
from offizin.faults import reach
from offizin.messages import Delta
from offizin.mets.document import Additions, Document, with_additions
from offizin.mets.encoding import to_utf8
from offizin.mets.exchange import exchange_names
from offizin.mets.leftovers import clear_leftovers, part_name, swap_name
from offizin.mets.pruning import without_empty
from offizin.mets.replacing import without_replaced
from offizin.mets.scan import Scan
from offizin.mets.sections import with_sections
from offizin.mets.stamp import Stamp, digest_of, read_with_stamp


def save(path: Path, deltas: Sequence[Delta], known: Stamp, *, may_write: Callable[[], bool] = lambda: True) -> Stamp:
    """Write ``deltas`` into the METS at ``path`` and return what the file is now. Blocking; meant for a thread.

    ``known`` is what the file was when we last read or wrote it. Where ``path`` is a symbolic link, its target is
    written. When the file has all of it already, it is left alone. One save at a time for a workspace.
    ``may_write`` is asked once all is ready, right before the file changes: this process may have been stopped
    meanwhile, for so long that somebody else writes it now; then it raises Unavailable.
    Raises MetsChanged when the file is another by now, MetsMissing when it is gone, MetsInvalid when it is no METS;
    OSError when it cannot be written (the file is then as before).
    """
    target = path.resolve()
    clear_leftovers(target)
    try:
        content, stamp = read_with_stamp(target)
    except (FileNotFoundError, NotADirectoryError):
        raise _gone(path) from None
    except OSError as error:
        raise MetsInvalid(f"{path} cannot be read: {error.strerror}") from error
    if stamp.digest != known.digest:
        raise _changed(path, known, stamp)
    text, encoding = to_utf8(content, path)
    before = Document(text, known.layout or Scan(text, path).layout())
    after = apply_deltas(before, deltas, path)
    if after is before:
        return stamp.with_layout(before.layout)
    written = encoding.from_utf8(after.content)
    part = part_name(target)
    try:
        saved = Stamp.of(_write(part, written, like=target), written)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    reach("save: temporary file written")
    if not may_write():
        part.unlink()
        raise Unavailable(f"{path} is not written: this server may no longer be the one that writes it")
    swap = part.rename(swap_name(target, known.digest, saved.digest))
    _put_in_place(swap, target, path, known, saved)
    _sync_directory(target.parent)
    # in other encodings references may stand for characters, so that the places in it are others
    return saved.with_layout(after.layout) if encoding.name == "utf-8" else saved


def apply_deltas(document: Document, deltas: Sequence[Delta], path: Path) -> Document:
    """The document with the deltas in it, by the rules of ``MetsIndex.apply``; the same one when it has them all.

    Pure; ``path`` is for messages.
    """
    if any(delta.overwrite for delta in deltas):
        document, additions = without_replaced(document, deltas, path)
    else:
        additions = Additions([file for delta in deltas for file in delta.files])
    additions = replace(additions, agents=[agent for delta in deltas for agent in delta.agents])
    document = with_additions(with_sections(document, additions, path), additions)
    groups = {group for delta in deltas for group in delta.ends_groups}
    agents = {agent for delta in deltas for agent in delta.ends_agents}
    return without_empty(document, groups, agents, path) if groups or agents else document


def _write(temporary: Path, content: bytes, *, like: Path) -> os.stat_result:
    model = like.stat()
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb", buffering=0) as file:  # noqa: PTH123
        rest = memoryview(content)
        while rest:
            rest = rest[file.write(rest) :]
        own = os.fstat(descriptor)
        if (own.st_uid, own.st_gid) != (model.st_uid, model.st_gid):
            try:
                os.fchown(descriptor, model.st_uid, model.st_gid)
            except PermissionError:
                pass  # only root may give files away
        os.fchmod(descriptor, model.st_mode & 0o7777)
        _copy_access_list(like, descriptor)
        os.fsync(descriptor)
        return os.fstat(descriptor)


def _copy_access_list(like: Path, descriptor: int) -> None:
    """Shared directories of libraries often give rights by name; the mode does not tell them."""
    for name in ("system.posix_acl_access", "user.nfs4_acl"):
        try:
            os.setxattr(descriptor, name, os.getxattr(like, name))
        except OSError:
            pass  # there is none, or this file system has none


def _put_in_place(swap: Path, target: Path, path: Path, known: Stamp, saved: Stamp) -> None:
    """Let ``swap`` become ``target``, if that is still ``known``. Raises MetsChanged and MetsMissing."""
    try:
        exchanged = exchange_names(swap, target)
        if exchanged:
            reach("save: names exchanged")
        _, there = read_with_stamp(swap if exchanged else target)
    except FileNotFoundError:
        swap.unlink(missing_ok=True)
        raise _gone(path) from None
    if there.digest == known.digest:
        if exchanged:
            swap.unlink()
        else:
            swap.replace(target)
        return
    if exchanged:
        exchange_names(swap, target)
    error = _changed(path, known, there)
    if digest_of(swap.read_bytes()) == saved.digest:
        swap.unlink()
    else:  # they wrote again in that instant; no version of theirs is deleted
        error.advice += f" A second version of theirs is kept in {swap}."
    raise error


def _changed(path: Path, known: Stamp, found: Stamp) -> MetsChanged:
    return MetsChanged(
        f"{path} was changed by somebody else at {_clock_time(found)}, while it was open here (as of "
        f"{_clock_time(known)}); it was left as they wrote it",
        advice="Results are kept: retry the run, and they are written into the file as it is then.",
    )


def _gone(path: Path) -> MetsMissing:
    return MetsMissing(
        f"the METS file {path} is gone: somebody moved or deleted it while it was open",
        advice="Put it back as it was and retry. Results are kept.",
    )


def _clock_time(stamp: Stamp) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(stamp.mtime_ns / 1e9))


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
