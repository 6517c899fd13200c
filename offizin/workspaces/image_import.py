"""Make a workspace from images. Blocking: callers use a thread."""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from offizin.errors import Conflict, InvalidRequest, OffizinError, Unavailable
from offizin.messages import File
from offizin.mets.create import NewPage, create
from offizin.workspaces.image_file import ImageFile, Oddity, copy_frame, inspect_image
from offizin.workspaces.image_sources import find_images, summary

METS_NAME = "mets.xml"
_AS_FILE_GROUP = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")  # becomes a directory's name and the start of XML IDs


@dataclass(frozen=True)
class ImportedPage:
    """``image`` is relative to the workspace; ``frame`` counts from 1 within a source of several pages, else None."""

    page_id: str
    image: str
    mimetype: str
    source: Path
    frame: int | None = None


@dataclass(frozen=True)
class ImportReport:
    """What an import made. ``warnings``: what was passed over, and what processors may stumble over."""

    pages: tuple[ImportedPage, ...]
    mets: Path
    warnings: tuple[str, ...]


def import_images(
    sources: Sequence[Path],
    workspace: Path,
    *,
    file_grp: str = "OCR-D-IMG",
    identifier: str | None = None,
    created: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ImportReport:
    """Make the directory ``workspace`` with ``mets.xml`` and a copy of each image in the file group ``file_grp``.

    ``sources`` are image files (TIFF, PNG, JPEG) and directories of them; see ``find_images`` for their order. A TIFF
    of several pages becomes one image for each. Pages are ``PHYS_0001`` …, files ``OCR-D-IMG_0001`` …. The book's
    ``identifier`` is the workspace's name unless given; ``created`` (seconds since the epoch) goes into its METS.
    ``progress`` hears (steps done, steps in all): an image is checked in one step and copied in another.

    All or nothing: the workspace appears when it is complete. Raises Conflict when it exists and is not empty,
    InvalidRequest (nothing is written) when images cannot be read, NotFound for a source that is not there,
    Unavailable when the disk does not take it.
    """
    workspace = workspace.absolute()
    if not _AS_FILE_GROUP.fullmatch(file_grp):
        raise InvalidRequest(f"{file_grp!r} cannot be the name of a file group", advice="take a name like OCR-D-IMG")
    _refuse_occupied(workspace)
    found = find_images(sources)

    done, steps = 0, 2 * len(found.paths)

    def step() -> None:
        nonlocal done
        done += 1
        if progress:
            progress(done, steps)

    images = _inspect_all(found.paths, step)
    with _built_aside(workspace) as directory:
        pages = _copy_pages(images, directory, file_grp, step)
        new_pages = [_as_mets_page(order, page, file_grp) for order, page in enumerate(pages, start=1)]
        create(directory / METS_NAME, new_pages, identifier or workspace.name, created=created)
    return ImportReport(tuple(pages), workspace / METS_NAME, found.warnings + _warnings(images))


def _inspect_all(paths: Sequence[Path], step: Callable[[], None]) -> list[ImageFile]:
    """Decoding releases the interpreter's lock, so threads help. Names every file that cannot be read."""
    images: list[ImageFile] = []
    faults: list[OffizinError] = []
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        try:
            for future in [pool.submit(inspect_image, path) for path in paths]:
                try:
                    images.append(future.result())
                except OffizinError as fault:
                    faults.append(fault)
                step()
        except BaseException:  # not to go on decoding a thousand images after Ctrl-C
            pool.shutdown(cancel_futures=True)
            raise
    if faults:
        raise InvalidRequest(summary((fault.message for fault in faults), limit=10), advice=faults[0].advice)
    return images


def _copy_pages(
    images: Sequence[ImageFile], directory: Path, file_grp: str, step: Callable[[], None]
) -> list[ImportedPage]:
    (directory / file_grp).mkdir()
    pages: list[ImportedPage] = []
    digits = max(4, len(str(sum(len(image.frames) for image in images))))
    for image in images:
        for frame in image.frames:
            number = f"{len(pages) + 1:0{digits}}"
            target = f"{file_grp}/{file_grp}_{number}{image.format.ending}"
            copy_frame(image, frame, directory / target)
            shown_frame = frame + 1 if len(image.frames) > 1 else None
            pages.append(ImportedPage(f"PHYS_{number}", target, image.format.value, image.path, shown_frame))
        step()
    return pages


def _as_mets_page(order: int, page: ImportedPage, file_grp: str) -> NewPage:
    file = File(Path(page.image).stem, file_grp, page.mimetype, page.page_id, page.image)
    return NewPage(page.page_id, [file], order)


def _warnings(images: Sequence[ImageFile]) -> tuple[str, ...]:
    """One for each kind of oddity, however many images have it."""
    having: defaultdict[Oddity, list[str]] = defaultdict(list)
    for image in images:
        for oddity in image.oddities:
            having[oddity].append(image.path.name)
    return tuple(
        f"{len(names)} image{'s' if len(names) > 1 else ''} {oddity.value} ({summary(names)})"
        for oddity, names in sorted(having.items())
    )


def _refuse_occupied(workspace: Path) -> None:
    if workspace.exists() and (not workspace.is_dir() or any(workspace.iterdir())):
        raise Conflict(f"{workspace} exists already", advice="name a directory that does not exist yet, or is empty")


@contextmanager
def _built_aside(workspace: Path) -> Iterator[Path]:
    """A directory beside ``workspace`` that takes its place when the block ends well, and vanishes otherwise."""
    scaffold: Path | None = None
    try:
        workspace.parent.mkdir(parents=True, exist_ok=True)
        scaffold = Path(tempfile.mkdtemp(prefix=f".{workspace.name}.", dir=workspace.parent))
        directory = scaffold / "workspace"  # mkdtemp's own is readable to its owner alone
        directory.mkdir()
        yield directory
        directory.rename(workspace)  # takes the place of an empty directory, too
    except OSError as fault:
        if fault.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            _refuse_occupied(workspace)
        raise Unavailable(
            f"{workspace} could not be written: {fault.strerror or fault}",
            advice="see to space and permissions there, then import again",
        ) from fault
    finally:
        if scaffold is not None:
            shutil.rmtree(scaffold, ignore_errors=True)
