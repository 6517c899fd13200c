"""Where a workspace lies while it comes in: beside the others, until it is whole and gets its name.

    ID/              a workspace that is there
    .incoming-ID/    a new one; whatever of it is left after a crash goes, unless it is known already
    .replacing-ID/   one that is to take the place of ID

All is blocking: callers use a thread.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from offizin.errors import InvalidRequest, Unavailable, WorkspaceInUse
from offizin.mets.exchange import exchange_names

_NEW, _REPLACING = ".incoming-", ".replacing-"
_AS_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def check_id(workspace_id: str) -> None:
    """Raises InvalidRequest unless a directory can have this name."""
    if not _AS_ID.fullmatch(workspace_id):
        raise InvalidRequest(
            f"{workspace_id[:200]!r} cannot be the id of a workspace",
            advice="Use up to 128 letters, digits, dots, dashes and underscores; a letter or digit first.",
        )


@dataclass(frozen=True, slots=True)
class Incoming:
    """``place`` is where the workspace will be; ``is_new``: nothing is there yet."""

    directory: Path
    place: Path
    is_new: bool

    @classmethod
    def new(cls, workspaces: Path, workspace_id: str) -> Incoming:
        return cls(workspaces / f"{_NEW}{workspace_id}", workspaces / workspace_id, is_new=True)

    @classmethod
    def replacing(cls, place: Path) -> Incoming:
        return cls(place.parent / f"{_REPLACING}{place.name}", place, is_new=False)

    @property
    def upload(self) -> Path:
        return self.directory / "upload"

    @property
    def parts(self) -> Path:
        """Of a form."""
        return self.directory / "parts"

    @property
    def unpacked(self) -> Path:
        return self.directory / "unpacked"

    def begin(self) -> None:
        """Raises WorkspaceInUse when one with this id comes in already, Unavailable."""
        if self.is_new and self.place.exists():
            raise WorkspaceInUse(f"there are files of a workspace {self.place.name} already", advice="Take another id.")
        try:
            self.directory.parent.mkdir(parents=True, exist_ok=True)
            self.directory.mkdir()
            self.parts.mkdir()
            self.unpacked.mkdir()
        except FileExistsError:
            raise WorkspaceInUse(
                f"the workspace {self.place.name} is being uploaded already", advice="Wait until that is done."
            ) from None
        except OSError as error:
            raise not_written(error) from error

    def put_in_place(self, workspace: Path) -> None:
        """Rename a whole workspace, once its files are on the disk. Raises WorkspaceInUse, Unavailable."""
        try:
            self.settle(workspace)
            workspace.rename(self.place)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                raise WorkspaceInUse(f"there are files of a workspace {self.place.name} already") from error
            raise not_written(error) from error

    def settle(self, workspace: Path) -> None:
        """What was written survives a power failure from now on: syncfs(2), once instead of for each file. Raises
        OSError."""
        descriptor = os.open(workspace, os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).syncfs(descriptor) != 0:
                code = ctypes.get_errno()
                raise OSError(code, os.strerror(code), str(workspace))
        finally:
            os.close(descriptor)

    def change_places(self, workspace: Path) -> None:
        """What is in place goes to where ``workspace`` is, and the other way round. Raises OSError."""
        if not exchange_names(workspace, self.place):
            self.place.rename(self._old)
            workspace.rename(self.place)
            self._old.rename(workspace)

    def discard(self) -> None:
        """All but what is in place. What was put aside from there, and nothing came instead, goes back."""
        if self._old.exists() and not self.place.exists():
            self._old.rename(self.place)
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def _old(self) -> Path:
        return self.directory / "old"


@dataclass(frozen=True, slots=True)
class Found:
    """``incoming``: what comes in, or was left by a server that was killed; None for what is in place."""

    workspace_id: str
    place: Path
    incoming: Incoming | None


def found_in(workspaces: Path) -> Iterator[Found]:
    """All that is there, what has come in whole among it."""
    for entry in sorted(workspaces.iterdir()) if workspaces.is_dir() else ():
        for prefix in (_NEW, _REPLACING):
            if entry.name.startswith(prefix):
                name = entry.name.removeprefix(prefix)
                place = workspaces / name
                yield Found(name, place, Incoming(entry, place, is_new=prefix == _NEW))
                break
        else:
            yield Found(entry.name, entry, None)


def not_written(error: OSError) -> Unavailable:
    return Unavailable(
        f"the upload cannot be written: {error.strerror or error}",
        advice="The server's home must have room, and be writable for its user.",
    )
