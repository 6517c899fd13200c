"""The routes of workspaces, as the OCR-D Web API has them (openapi.yml of the spec, tag ``workspace``)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from offizin.api import workspace_views
from offizin.api.current import CurrentOffizin
from offizin.api.workspace_models import Workspace

router = APIRouter(tags=["workspace"])


@router.get("/workspace")
async def list_workspaces(
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


@router.get("/workspace/{workspace_id}")
async def get_workspace(request: Request, offizin: CurrentOffizin, workspace_id: str) -> Workspace:
    """A workspace."""
    row = await offizin.workspaces.find(workspace_id)
    return workspace_views.shown(request, row, await workspace_views.opened(offizin, row))


@router.delete("/workspace/{workspace_id}")
async def delete_workspace(request: Request, offizin: CurrentOffizin, workspace_id: str) -> Workspace:
    """Delete a workspace; what it was. The files of one that was uploaded go. One that runs found by the path of its
    METS is only forgotten."""
    row = await offizin.workspaces.find(workspace_id)
    index = workspace_views.at_hand(offizin, row)
    row = await offizin.workspaces.delete(workspace_id)
    return workspace_views.shown(request, row, index)
