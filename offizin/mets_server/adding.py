"""May this file be added? The rules of ocrd_models.OcrdMets.add_file (ocrd 3.13.3), and where its path must lie."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from offizin.errors import Conflict, InvalidRequest
from offizin.messages import File

# ocrd_utils.REGEX_FILE_ID
_XS_ID = re.compile(r"[a-zA-Z_][\w.-]*")


def check_names(file: File) -> None:
    """Raises InvalidRequest."""
    for kind, name in (("file/@ID", file.id), ("fileGrp/@USE", file.file_grp)):
        if not _XS_ID.fullmatch(name):
            raise InvalidRequest(f"Invalid syntax for mets:{kind} {name} (not an xs:ID)")


def check_replaced(file: File, there: Iterable[File], *, force: bool) -> None:
    """``there``: the files that have its ID in its group. With ``force`` they give way, if they are of the same page
    and type. Raises Conflict."""
    for old in there:
        if (old.page_id, old.mimetype) != (file.page_id, file.mimetype):
            raise Conflict(f"{_exists(old)} but unrelated - cannot mitigate")
        if not force:
            raise Conflict(f"{_exists(old)} and neither force nor ignore are set")


def _exists(old: File) -> str:
    """In the words of the reference, which has the one that is there in the form of OcrdFile.__str__."""
    return (
        f"A file with ID=={old.id} already exists <OcrdFile fileGrp={old.file_grp} ID={old.id}, "
        f"mimetype={old.mimetype}, url={old.url or '---'}, local_filename={old.local_filename or '---'}]/> "
    )


def inside(directory: str, file: File) -> File:
    """With its path relative to the workspace, whose directory is made if needed (as Workspace.add_file does).

    ``directory`` is absolute, with links resolved. Blocking. Raises InvalidRequest.
    """
    name = file.local_filename
    if not name:
        return file
    if "\0" in name:
        raise InvalidRequest("local_filename holds a NUL byte")
    path = os.path.normpath(os.path.join(directory, name))  # noqa: PTH118 - as text, it goes into the METS
    parent = os.path.realpath(os.path.dirname(path))  # noqa: PTH120
    if parent != directory and not parent.startswith(directory.rstrip("/") + os.sep):
        raise InvalidRequest(f"local_filename {name} leads out of the workspace {directory}")
    try:
        os.makedirs(parent, exist_ok=True)  # noqa: PTH103
    except OSError as error:
        raise InvalidRequest(f"local_filename {name}: its directory cannot be made: {error.strerror}") from error
    if not os.path.isabs(name):  # noqa: PTH117
        return file
    relative = os.path.relpath(path, directory)
    return File(file.id, file.file_grp, file.mimetype, file.page_id, relative, file.url)
