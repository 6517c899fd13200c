"""A workspace that has come in is found, and checked, before it counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from offizin.errors import MetsInvalid, MetsMissing, PathForbidden, WorkspaceInvalid
from offizin.messages import File
from offizin.mets.index import MetsIndex
from offizin.trust.one_line import one_line
from offizin.trust.paths import inside
from offizin.workspaces.bag import is_bag, read_bag

METS_NAME = "mets.xml"
_NAMED = 5  # files in an error


@dataclass(frozen=True, slots=True)
class Received:
    """The directory is a workspace, whose METS is called mets.xml."""

    directory: Path
    description: str = ""
    base_version: str = ""


def received_in(unpacked: Path) -> Received:
    """What came as an OCRD-ZIP, or as a zip of a workspace alone. Blocking. Raises WorkspaceInvalid, OSError."""
    root = _root(unpacked)
    if is_bag(root):
        bag = read_bag(root)
        if bag.mets != METS_NAME:
            if (bag.payload / METS_NAME).exists():
                raise WorkspaceInvalid(
                    f"the bag has a {METS_NAME} beside its METS {one_line(bag.mets, 200)!r}",
                    advice="Leave one of them.",
                )
            (bag.payload / bag.mets).rename(bag.payload / METS_NAME)
        found = Received(bag.payload, bag.description, bag.base_version)
    else:
        found = Received(_only_mets(root).parent)
    check_workspace(found.directory)
    return found


def check_workspace(directory: Path) -> MetsIndex:
    """Each file of the METS lies inside, and is there unless it has a URL. Blocking. Raises WorkspaceInvalid."""
    try:
        index = MetsIndex.read(directory / METS_NAME)
    except (MetsInvalid, MetsMissing) as error:
        said = error.message.replace(f"{directory}/", "")
        raise WorkspaceInvalid(f"its METS cannot be taken: {said}", advice=error.advice) from error
    if outside := [file for file in index.by_arrival() if not _is_inside(directory, file)]:
        raise WorkspaceInvalid(
            f"its METS names files that lie outside: {_names(outside)}",
            advice="Make their paths relative to the METS, as 'ocrd zip bag' does.",
        )
    if missing := list(_missing(directory, index)):
        raise WorkspaceInvalid(
            f"its METS names files that are not there: {_names(missing)}",
            advice="Put them in, or take them out of the METS with 'ocrd workspace prune-files'.",
        )
    return index


def _root(unpacked: Path) -> Path:
    """Some pack the directory, others what is in it."""
    entries = list(unpacked.iterdir())
    if len(entries) == 1 and entries[0].is_dir() and entries[0].name != "data":
        return entries[0]
    return unpacked


def _only_mets(root: Path) -> Path:
    found = sorted(path for path in root.rglob(METS_NAME) if path.is_file())
    if len(found) == 1:
        return found[0]
    if not found:
        raise WorkspaceInvalid(
            f"there is neither a bag (bagit.txt) nor a {METS_NAME} in the zip",
            advice="Send an OCRD-ZIP as 'ocrd zip bag' makes it, or a zip of a workspace's directory.",
        )
    names = ", ".join(one_line(str(path.relative_to(root)), 200) for path in found[:_NAMED])
    raise WorkspaceInvalid(
        f"there are {len(found)} files {METS_NAME} in the zip: {names}", advice="Send one workspace at a time."
    )


def _is_inside(directory: Path, file: File) -> bool:
    try:
        return not file.local_filename or bool(inside(directory, file.local_filename))
    except PathForbidden:
        return False


def _missing(directory: Path, index: MetsIndex) -> Iterator[File]:
    for file in index.by_arrival():
        if file.local_filename and not file.url and not (directory / file.local_filename).is_file():
            yield file


def _names(files: list[File]) -> str:
    unique = list(dict.fromkeys(file.local_filename or "" for file in files))
    more = f" and {len(unique) - _NAMED} more" if len(unique) > _NAMED else ""
    return ", ".join(one_line(name, 200) for name in unique[:_NAMED]) + more
