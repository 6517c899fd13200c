"""The routes of workspaces, as the OCR-D Web API has them (openapi.yml of the spec, tag ``workspace``)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse

from offizin.api import workspace_files, workspace_uploads, workspace_views
from offizin.api.accepted import accepted
from offizin.api.current import CurrentOffizin
from offizin.api.error_model import errors
from offizin.api.models import MOST
from offizin.api.workspace_bodies import A_FILE, AS_ZIP, UPLOAD, body
from offizin.api.workspace_downloads import OCRD_ZIP, ZIP, as_zip
from offizin.api.workspace_models import Workspace, WorkspaceFiles
from offizin.errors import (
    Conflict,
    MetsMissing,
    NotFound,
    TooLarge,
    UrlForbidden,
    WorkspaceDeleted,
    WorkspaceInUse,
    WorkspaceInvalid,
    WorkspaceUnknown,
)

router = APIRouter(tags=["workspace"])


@router.get("/workspace", responses=errors(WorkspaceUnknown, WorkspaceDeleted))
async def get_workspaces(
    request: Request,
    response: Response,
    offizin: CurrentOffizin,
    before: str | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> list[Workspace]:
    """Workspaces, newest first. ``before`` is the id of the last one of the page before; where there are more, the
    header ``Link`` says where (``rel="next"``, RFC 8288)."""
    found = await offizin.workspaces.listed(before, limit + 1)
    if len(found) > limit:
        following = request.url.include_query_params(before=found[limit - 1].id, limit=limit)
        response.headers["Link"] = f'<{following}>; rel="next"'
    return [workspace_views.shown(request, row, workspace_views.at_hand(offizin, row)) for row in found[:limit]]


@router.post(
    "/workspace",
    status_code=201,
    responses=errors(WorkspaceInvalid, UrlForbidden, TooLarge),
    openapi_extra=body(UPLOAD),
)
async def create_workspace(
    request: Request, response: Response, offizin: CurrentOffizin, description: str = ""
) -> Workspace:
    """Upload a workspace: an OCRD-ZIP, or a zip of a workspace's directory, as the body or as the file ``workspace`` of
    a form; or a form with ``images``; or have it fetched from the URL of a METS. It is there when the whole of it is
    sound. ``description`` goes before what a bag says of itself."""
    row = await workspace_uploads.create(offizin, request, description)
    shown = workspace_views.shown(request, row, await workspace_views.opened(offizin, row))
    response.headers["Location"] = shown.url
    return shown


@router.put(
    "/workspace/{workspace_id}",
    responses=errors(WorkspaceInvalid, WorkspaceDeleted, WorkspaceInUse, Conflict, TooLarge),
    openapi_extra=body(UPLOAD),
)
async def replace_workspace(
    request: Request, offizin: CurrentOffizin, workspace_id: str, description: str = ""
) -> Workspace:
    """Replace a workspace that was uploaded, or upload one under this id. The old one stays until the whole of the new
    one is sound. While runs on it go on it is not replaced."""
    row = await workspace_uploads.replace(offizin, request, workspace_id, description)
    return workspace_views.shown(request, row, await workspace_views.opened(offizin, row))


@router.get(
    "/workspace/{workspace_id}",
    response_model=Workspace,
    responses=AS_ZIP | errors(WorkspaceUnknown, MetsMissing, WorkspaceDeleted, Conflict),
)
async def get_workspace(
    request: Request, response: Response, offizin: CurrentOffizin, workspace_id: str
) -> Workspace | Response:
    """A workspace; or, as the header ``Accept`` says (``application/vnd.ocrd+zip`` or ``application/zip``), all of it
    as OCRD-ZIP: the METS with all results so far, and the files that it lists."""
    row = await offizin.workspaces.find(workspace_id)
    wanted = accepted(request.headers.get("accept", ""), ["application/json", OCRD_ZIP, ZIP])
    if wanted != "application/json":
        return await as_zip(offizin, row, wanted)
    response.headers["Vary"] = "Accept"
    return workspace_views.shown(request, row, await workspace_views.opened(offizin, row))


@router.delete("/workspace/{workspace_id}", responses=errors(WorkspaceUnknown, WorkspaceDeleted, WorkspaceInUse))
async def delete_workspace(request: Request, offizin: CurrentOffizin, workspace_id: str) -> Workspace:
    """Delete a workspace; what it was. The files of one that was uploaded go. One that runs found by the path of its
    METS is only forgotten."""
    row = await offizin.workspaces.find(workspace_id)
    index = workspace_views.at_hand(offizin, row)
    row = await offizin.arrivals.delete(workspace_id)
    return workspace_views.shown(request, row, index)


@router.get("/workspace/{workspace_id}/files", responses=errors(WorkspaceUnknown, MetsMissing, WorkspaceDeleted))
async def list_workspace_files(
    request: Request,
    offizin: CurrentOffizin,
    workspace_id: str,
    file_grp: str | None = None,
    page_id: str | None = None,
    offset: Annotated[int, Query(ge=0, le=MOST)] = 0,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> WorkspaceFiles:
    """The files of a workspace, in the order of its METS; those of one group or page. A file of several pages is listed
    with each."""
    row = await offizin.workspaces.find(workspace_id)
    return await workspace_files.listed(
        offizin, request, row, file_grp=file_grp, page_id=page_id, offset=offset, limit=limit
    )


@router.get(
    "/workspace/{workspace_id}/file/{file_id}",
    response_class=FileResponse,
    responses=A_FILE | errors(WorkspaceUnknown, NotFound, MetsMissing, WorkspaceDeleted),
)
async def get_workspace_file(
    request: Request, offizin: CurrentOffizin, workspace_id: str, file_id: str, file_grp: str | None = None
) -> Response:
    """One file, by its ID; where several groups have a file of this ID, ``file_grp`` says which. Answers with
    ETag, and to ranges."""
    row = await offizin.workspaces.find(workspace_id)
    return await workspace_files.by_id(offizin, request, row, file_id, file_grp)


@router.get(
    "/workspace/{workspace_id}/files/{path:path}",
    response_class=FileResponse,
    responses=A_FILE | errors(WorkspaceUnknown, NotFound, MetsMissing, WorkspaceDeleted),
)
async def get_workspace_file_at(request: Request, offizin: CurrentOffizin, workspace_id: str, path: str) -> Response:
    """One file, by its path in the workspace as the METS has it; or ``mets.xml``."""
    row = await offizin.workspaces.find(workspace_id)
    return await workspace_files.by_path(offizin, request, row, path)
