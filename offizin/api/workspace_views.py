"""What is shown of workspaces. Nothing is written here."""

from __future__ import annotations

from pathlib import Path

from fastapi import Request

from offizin.api.workspace_models import Workspace
from offizin.mets.index import MetsIndex
from offizin.offizin import Offizin
from offizin.store.workspaces import WorkspaceRow


async def opened(offizin: Offizin, row: WorkspaceRow) -> MetsIndex:
    """What its METS holds now. Raises MetsMissing, MetsInvalid, OwnedElsewhere."""
    mets, now = Path(row.mets), offizin.clock.now()
    await offizin.lanes.refresh(mets, now)  # another server, or somebody by hand, may have changed it
    return (await offizin.lanes.open(mets, now)).index


def shown(request: Request, row: WorkspaceRow, index: MetsIndex | None) -> Workspace:
    """``index`` is None where the METS is not open."""
    return Workspace(
        url=url_of(request, row.id),
        description=row.description or (index.unique_identifier if index else None) or "",
        workspace_id=row.id,
        path_to_mets=row.mets,
        managed=row.managed,
        added_at=row.added_at,
        pages=None if index is None else len(index.pages),
        file_grps=None if index is None else list(index.file_groups),
    )


def at_hand(offizin: Offizin, row: WorkspaceRow) -> MetsIndex | None:
    """What its METS holds, if it is open."""
    lane = offizin.lanes.at_hand(Path(row.mets))
    return None if lane is None else lane.index


def url_of(request: Request, workspace_id: str) -> str:
    return str(request.url_for("get_workspace", workspace_id=workspace_id))
