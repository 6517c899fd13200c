"""May this delta go into this METS? Asked before anything is committed."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from offizin.errors import BadOutput
from offizin.messages import Delta, File
from offizin.mets.contents import as_indexed

if TYPE_CHECKING:
    from offizin.mets.holdings import Holdings

# ocrd_utils.REGEX_FILE_ID: what OcrdMets.add_file takes for the IDs of files and the names of groups
_XS_ID = re.compile(r"[a-zA-Z_][\w.-]*")
# what XML 1.0 cannot hold
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def check_delta(
    holdings: Holdings, delta: Delta, *, directory: Path, pages: Collection[str], file_grps: Collection[str]
) -> None:
    """Raise BadOutput at the first file of ``delta`` that does not fit.

    An ID must be well-formed and used by nothing else in the whole METS; the group one of ``file_grps`` and the page
    one of ``pages`` (or none); the path inside the workspace, the file there, and as big as the delta says. A file that
    the METS has already, the same in every respect, fits; with ``delta.overwrite`` also one that differs, on the same
    page.
    Symbolic links are not followed: where a directory of the workspace lies is the administrator's affair.
    """
    workspace = os.path.abspath(directory)  # noqa: PTH100 - without following links
    seen: dict[str, File] = {}
    for file in delta.files:
        _check_names(file, pages, file_grps)
        if seen.setdefault(file.id, file) != file:
            raise BadOutput(f"file ID {file.id} is added twice, in {seen[file.id].file_grp} and in {file.file_grp}")
        _check_unused(holdings, file, overwrite=delta.overwrite)
        _check_on_disk(file, workspace)


def check_addition(holdings: Holdings, file: File, *, overwrite: bool) -> None:
    """Raise BadOutput unless this file, which no attempt adds, fits into the METS. It may not be on disk yet: the
    reference's clients list a file first, and write it then."""
    page_id = file.page_id
    if page_id is not None and page_id not in holdings.page_set:
        if not _XS_ID.fullmatch(page_id):
            raise BadOutput(f"page {page_id!r} of file {file.id} is not there, and is not an xs:ID")
        if page_id in holdings.other_ids or page_id == file.id or holdings.by_id(page_id):
            raise BadOutput(f"page {page_id} of file {file.id} is not there, and its ID is used by another element")
    _check_syntax(file)
    _check_unused(holdings, file, overwrite=overwrite)


def _check_names(file: File, pages: Collection[str], file_grps: Collection[str]) -> None:
    _check_syntax(file)
    if file.file_grp not in file_grps:
        declared = ", ".join(sorted(file_grps)) or "none"
        raise BadOutput(
            f"file {file.id} was added to {file.file_grp}, which is no output group of the job ({declared})"
        )
    if file.page_id is not None and file.page_id not in pages:
        raise BadOutput(
            f"file {file.id} in {file.file_grp} was added to page {file.page_id}, which is not one of the job's"
        )


def _check_syntax(file: File) -> None:
    if not _XS_ID.fullmatch(file.id):
        raise BadOutput(
            f"file ID {file.id!r} in {file.file_grp} is not an xs:ID",
            advice="IDs begin with a letter or underscore and have letters, digits, '_', '-' and '.' only.",
        )
    if not _XS_ID.fullmatch(file.file_grp):
        raise BadOutput(f"file group {file.file_grp!r} of file {file.id} is not a well-formed name")
    for text in (file.mimetype, file.local_filename, file.url):
        if text and _ILLEGAL.search(text):
            raise BadOutput(f"file {file.id} in {file.file_grp}: {text!r} has characters that XML cannot hold")


def _check_unused(holdings: Holdings, file: File, *, overwrite: bool) -> None:
    for other in holdings.all_by_id(file.id):
        if (other.file_grp, other.page_id) != (file.file_grp, file.page_id):
            where = "no page" if other.page_id is None else f"page {other.page_id}"
            raise BadOutput(f"file ID {file.id} is used already, by a file in {other.file_grp} of {where}")
        if not overwrite and other != as_indexed(file):
            raise BadOutput(
                f"file ID {file.id} is used already, by another file of the same group and page",
                advice="Run the job with overwrite to replace it.",
            )
    linked = [page_id for page_id in holdings.dangling(file.id) if page_id != file.page_id]
    if linked:
        raise BadOutput(f"file ID {file.id} is used already: page {linked[0]} links it")
    if file.id in holdings.other_ids or file.id in holdings.page_set:
        raise BadOutput(f"file ID {file.id} is used already, by another element of the METS")


def _check_on_disk(file: File, directory: str) -> None:
    name = file.local_filename
    if not name:
        if file.url:
            return
        raise BadOutput(f"file {file.id} in {file.file_grp} has neither a path nor a URL")
    path = os.path.normpath(os.path.join(directory, name))  # noqa: PTH118 - Path is three times as slow
    if not path.startswith(directory.rstrip("/") + "/"):
        raise BadOutput(f"file {file.id} in {file.file_grp} leaves the workspace: {name}")
    try:
        status = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        raise BadOutput(f"file {file.id} in {file.file_grp} is not on disk: {Path(path)}") from None
    if not stat.S_ISREG(status.st_mode):
        raise BadOutput(f"file {file.id} in {file.file_grp} is no plain file: {path}")
    if file.size is not None and status.st_size != file.size:
        raise BadOutput(
            f"file {file.id} in {file.file_grp} has {status.st_size} bytes on disk, not {file.size} as written"
        )
