"""A workspace from images that somebody has sent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from offizin.errors import InvalidRequest, NotFound, PathForbidden, WorkspaceInvalid
from offizin.trust.one_line import one_line
from offizin.trust.paths import plain_name
from offizin.workspaces.image_import import import_images
from offizin.workspaces.received import Received


def workspace_of_images(
    images: Sequence[tuple[str, Path]], aside: Path, *, file_grp: str, identifier: str, created: float
) -> Received:
    """``images``: what the sender calls each, and where it lies; in the order of the pages as for ``find_images``. The
    workspace is made in ``aside``, an empty directory. Blocking. Raises WorkspaceInvalid, Unavailable, OSError."""
    sources = aside / "images"
    sources.mkdir()
    named: list[Path] = []
    for name, path in images:
        target = sources / _file_name(name)
        if target.exists():
            raise WorkspaceInvalid(
                f"two images are called {one_line(name, 200)!r}", advice="Give each a name of its own."
            )
        named.append(path.rename(target))
    made = aside / "workspace"
    try:
        import_images(named, made, file_grp=file_grp, identifier=identifier, created=created)
    except (InvalidRequest, NotFound) as error:
        raise WorkspaceInvalid(
            f"no workspace can be made of the images: {error.message.replace(f'{sources}/', '')}", advice=error.advice
        ) from error
    return Received(made)


def _file_name(name: str) -> str:
    """Without directories, which some browsers send."""
    try:
        return plain_name(PurePosixPath(name.replace("\\", "/")).name).name
    except PathForbidden:
        raise WorkspaceInvalid(
            f"{one_line(name, 200)!r} is no name of an image", advice="Name images as in page_0001.tif."
        ) from None
