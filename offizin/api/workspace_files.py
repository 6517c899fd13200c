"""Single files of workspaces: those that the METS lists, and no others."""

from __future__ import annotations

import asyncio
import re
import stat
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import FileResponse, Response

from offizin.api.workspace_models import WorkspaceFile, WorkspaceFiles
from offizin.api.workspace_views import opened, url_of
from offizin.errors import NotFound
from offizin.messages import File
from offizin.offizin import Offizin
from offizin.store.workspaces import WorkspaceRow
from offizin.trust.paths import inside
from offizin.workspaces.received import METS_NAME

_AS_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,100}/[A-Za-z0-9!#$&^_.+-]{1,100}")
# Whoever made the file: a browser shows it, and does nothing else with it.
_HEADERS = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}


async def listed(
    offizin: Offizin, request: Request, row: WorkspaceRow, *,
    file_grp: str | None, page_id: str | None, offset: int, limit: int,
) -> WorkspaceFiles:  # fmt: skip
    """In the order of the METS. Raises MetsMissing, MetsInvalid, OwnedElsewhere."""
    index = await opened(offizin, row)
    found = [
        file
        for file in index.by_arrival()
        if file_grp in (None, file.file_grp) and page_id in (None, file.page_id)
    ]  # fmt: skip
    base = url_of(request, row.id)
    shown = [_shown(base, file) for file in found[offset : offset + limit]]
    return WorkspaceFiles(files=shown, next=offset + limit if len(found) > offset + limit else None)


async def by_id(offizin: Offizin, request: Request, row: WorkspaceRow, file_id: str, file_grp: str | None) -> Response:
    """The content of the file with this ID; ``file_grp`` where several groups have one. Raises NotFound, PathForbidden,
    MetsMissing, MetsInvalid, OwnedElsewhere."""
    index = await opened(offizin, row)
    same = [file for file in index.all_by_id(file_id) if file_grp in (None, file.file_grp)]
    return await _content(offizin, request, row, same, f"no file {file_id[:200]!r}")


async def by_path(offizin: Offizin, request: Request, row: WorkspaceRow, path: str) -> Response:
    """The content of the file with this path, or of mets.xml. Raises as ``by_id``."""
    index = await opened(offizin, row)
    if path == METS_NAME and index.path.name == METS_NAME:
        return await _content(offizin, request, row, [File("", "", "application/xml", None, METS_NAME)], "no METS")
    same = [file for file in index.by_arrival() if file.local_filename == path]
    return await _content(offizin, request, row, same, f"no file {path[:200]!r} in its METS")


async def _content(
    offizin: Offizin, request: Request, row: WorkspaceRow, same: Sequence[File], otherwise: str
) -> Response:
    names = [file for file in same if file.local_filename]
    if not names:
        raise NotFound(
            f"the workspace {row.id} has {otherwise}" if not same else f"{same[0].id} is not with the server",
            advice=f"GET /workspace/{row.id}/files lists them."
            if not same or not same[0].url
            else f"It is at {same[0].url[:1000]}",
        )
    file = names[0]
    path = await asyncio.to_thread(place_of, offizin, row, file.local_filename or "")
    try:
        status = await asyncio.to_thread(path.stat)
    except OSError:
        status = None
    if status is None or not stat.S_ISREG(status.st_mode):
        raise NotFound(
            f"the METS of the workspace {row.id} lists {file.local_filename}, which is not there",
            advice="It was deleted or moved since: do again what made it.",
        )
    kind = file.mimetype if _AS_MEDIA_TYPE.fullmatch(file.mimetype) else "application/octet-stream"
    answer = FileResponse(path, media_type=kind, stat_result=status, headers=_HEADERS)
    if answer.headers["etag"] in [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers={"ETag": answer.headers["etag"], **_HEADERS})
    return answer


def place_of(offizin: Offizin, row: WorkspaceRow, name: str) -> Path:
    """Where a file of the METS lies: inside, or for one that we do not manage in any of the workspace roots that are
    named. Blocking. Raises PathForbidden."""
    directory = Path(row.mets).parent
    only_inside = row.managed or offizin.roots.anywhere
    return inside(directory, name) if only_inside else offizin.roots.require(directory / name)


def _shown(base: str, file: File) -> WorkspaceFile:
    at = f"{base}/file/{quote(file.id, safe='')}?file_grp={quote(file.file_grp, safe='')}"
    return WorkspaceFile(
        address=at if file.local_filename else None, file_id=file.id, file_grp=file.file_grp, page_id=file.page_id,
        mimetype=file.mimetype, path=file.local_filename, url=file.url,
    )  # fmt: skip
