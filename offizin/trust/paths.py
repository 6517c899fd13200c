"""Paths of others: inside of a workspace root, and names inside of their directory."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Self

from offizin.errors import PathForbidden
from offizin.trust.one_line import one_line

_LONGEST = 4096  # PATH_MAX of Linux
_ANYWHERE = Path("/")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class WorkspaceRoots:
    """Directories below which the workspaces lie that may be asked for. The root directory allows every path."""

    roots: tuple[Path, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "roots", tuple(root.resolve() for root in self.roots))

    @classmethod
    def of_server(cls, named: Iterable[Path] | None, *, home: Path, loopback: bool) -> Self:
        """``named`` as the settings have it, beside ``home``/workspaces, where the server's own are. Not given: every
        path for a server that listens on loopback alone, since whoever reaches it is on this machine."""
        return cls((_ANYWHERE,) if named is None and loopback else (*(named or ()), home / "workspaces"))

    @property
    def anywhere(self) -> bool:
        return _ANYWHERE in self.roots

    def require(self, path: Path) -> Path:
        """The path with links resolved, whether there is such a file or not. Blocking.

        Raises PathForbidden, in the same words for what is there and what is not.
        """
        found = _resolved(path)
        if not any(found.is_relative_to(root) for root in self.roots):
            raise PathForbidden(
                f"{one_line(str(path))} lies in none of the workspace roots",
                advice=f"Workspaces lie below {', '.join(str(root) for root in self.roots)}; "
                "the setting workspace_roots names other directories.",
            )
        return found


def plain_name(name: str) -> PurePosixPath:
    """A relative name that stays inside wherever it is put, as far as no link is in the way. Pure.

    Raises PathForbidden for an absolute name, one with ``..``, NUL or a control character, and for none at all.
    """
    parts = PurePosixPath(name)
    if not parts.parts or parts.is_absolute() or ".." in parts.parts or _UNPRINTABLE.search(name):
        raise _outside(name)
    return parts


def inside(directory: Path, name: str) -> Path:
    """Where a file of this relative ``name`` lies in ``directory``, with links resolved. Blocking.

    For members of zips, paths in a METS and file groups. Raises PathForbidden as ``plain_name`` does, and for a name
    that a link takes outside or to the directory itself.
    """
    root = _resolved(directory)
    found = _resolved(root / plain_name(name))
    if found == root or not found.is_relative_to(root):
        raise _outside(name)
    return found


def _resolved(path: Path) -> Path:
    try:
        if len(str(path)) > _LONGEST:
            raise ValueError("too long")
        return path.resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, NUL, a lone surrogate, a name too long
        raise PathForbidden(
            f"{one_line(str(path), 200)} is no path: {one_line(str(error), 200)}",
            advice="Give the path as the server knows it.",
        ) from None


def _outside(name: str) -> PathForbidden:
    return PathForbidden(
        f"{one_line(name, 200)!r} does not lie inside of its directory",
        advice="Names are relative, have no '..', and lead through no link to the outside.",
    )
