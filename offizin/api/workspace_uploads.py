"""From POST and PUT /workspace to a workspace that is there."""

from __future__ import annotations

from pathlib import Path

from fastapi import Request

from offizin.api import uploads
from offizin.api.form_into_files import Form
from offizin.errors import WorkspaceInvalid
from offizin.offizin import Offizin
from offizin.store.workspaces import WorkspaceRow
from offizin.workspaces.incoming import Incoming
from offizin.workspaces.received import Received

_FIELD = "workspace"


async def create(offizin: Offizin, request: Request, description: str) -> WorkspaceRow:
    """Raises WorkspaceInvalid, TooLarge, Interrupted, Unavailable."""
    async with offizin.arrivals.new(offizin.clock.new_id()) as incoming:
        return await _take(offizin, request, incoming, description)


async def replace(offizin: Offizin, request: Request, workspace_id: str, description: str) -> WorkspaceRow:
    """Raises as ``create``, and WorkspaceDeleted, WorkspaceInUse, Conflict, InvalidRequest."""
    async with offizin.arrivals.replacing(workspace_id) as incoming:
        return await _take(offizin, request, incoming, description)


async def _take(offizin: Offizin, request: Request, incoming: Incoming, description: str) -> WorkspaceRow:
    received, said = await _received(offizin, request, incoming)
    return await offizin.arrivals.put(incoming, received, description or said)


async def _received(offizin: Offizin, request: Request, incoming: Incoming) -> tuple[Received, str]:
    """The workspace, and what is said of it beside it."""
    most, kind = offizin.settings.upload_limit, uploads.media_type(request)
    if kind in uploads.ZIPS | uploads.UNSAID:
        await uploads.into_file(request, incoming.upload, most)
        return await offizin.arrivals.unpack(incoming), ""
    if kind == uploads.FORM:
        form = await uploads.into_form(request, incoming.parts, most)
        _only_file(form).replace(incoming.upload)
        return await offizin.arrivals.unpack(incoming), form.fields.get("description", "")
    raise WorkspaceInvalid(
        f"the body is of a type that no workspace comes in: {kind[:100]!r}",
        advice="Send an OCRD-ZIP as application/vnd.ocrd+zip, or a form (multipart/form-data) with a file "
        f"'{_FIELD}' in it.",
    )


def _only_file(form: Form) -> Path:
    found = [file.path for file in form.files if file.name == _FIELD]
    if len(found) != 1 or len(form.files) != 1:
        names = ", ".join(sorted({file.name[:100] for file in form.files})) or "none"
        raise WorkspaceInvalid(
            f"the form must have one file, in the field '{_FIELD}'; it has {len(form.files)}: {names}",
            advice=f"As in: curl -F {_FIELD}=@book.ocrd.zip URL/workspace",
        )
    return found[0]
