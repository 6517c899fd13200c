"""From POST and PUT /workspace to a workspace that is there."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from offizin.api import uploads
from offizin.api.form_into_files import Form
from offizin.api.workspace_models import FromUrl
from offizin.errors import InvalidRequest, WorkspaceInvalid
from offizin.offizin import Offizin
from offizin.store.workspaces import WorkspaceRow
from offizin.trust.one_line import one_line
from offizin.workspaces.incoming import Incoming, not_written
from offizin.workspaces.received import Received
from offizin.workspaces.uploaded_images import workspace_of_images

_FIELD = "workspace"
_IMAGES = "images"
_LONGEST = 1000  # characters of a description or an identifier


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
    return await offizin.arrivals.put(incoming, received, one_line(description or said, _LONGEST))


async def _received(offizin: Offizin, request: Request, incoming: Incoming) -> tuple[Received, str]:
    """The workspace, and what is said of it beside it."""
    most, kind = offizin.settings.upload_limit, uploads.media_type(request)
    if kind in uploads.ZIPS | uploads.UNSAID:
        await uploads.into_file(request, incoming.upload, most)
        return await offizin.arrivals.unpack(incoming), ""
    if kind == uploads.FORM:
        form = await uploads.into_form(request, incoming.parts, most)
        return await _from_form(offizin, form, incoming), form.fields.get("description", "")
    if kind == "application/json":
        asked = _asked(await uploads.whole(request))
        try:
            fetched = await offizin.fetching.workspace(asked.mets_url, asked.file_grps, incoming.unpacked)
        except OSError as error:
            raise not_written(error) from error
        return fetched, asked.description
    raise WorkspaceInvalid(
        f"the body is of a type that no workspace comes in: {kind[:100]!r}",
        advice="Send an OCRD-ZIP as application/vnd.ocrd+zip, or a form (multipart/form-data) with a file "
        f"'{_FIELD}' in it.",
    )


async def _from_form(offizin: Offizin, form: Form, incoming: Incoming) -> Received:
    """An OCRD-ZIP, or images."""
    names = Counter(file.name for file in form.files)
    if names == {_FIELD: 1}:
        await asyncio.to_thread(form.files[0].path.replace, incoming.upload)
        return await offizin.arrivals.unpack(incoming)
    if set(names) != {_IMAGES}:
        shown = ", ".join(sorted(name[:100] for name in names)) or "none"
        raise WorkspaceInvalid(
            f"the form must have one file '{_FIELD}', or files '{_IMAGES}'; it has {len(form.files)}: {shown}",
            advice=f"As in: curl -F {_FIELD}=@book.ocrd.zip URL/workspace",
        )

    def make() -> Received:
        try:
            return workspace_of_images(
                [(file.filename, file.path) for file in form.files],
                incoming.unpacked,
                file_grp=form.fields.get("file_grp") or "OCR-D-IMG",
                identifier=one_line(form.fields.get("identifier") or incoming.place.name, _LONGEST),
                created=offizin.clock.now(),
            )
        except OSError as error:
            raise not_written(error) from error

    return await asyncio.to_thread(make)


def _asked(body: bytes) -> FromUrl:
    try:
        return FromUrl.model_validate(json.loads(body))
    except json.JSONDecodeError as error:
        fault = {"type": "json_invalid", "loc": ("body", error.pos), "msg": "", "ctx": {"error": error.msg}}
        raise RequestValidationError([fault]) from error
    except ValidationError as error:
        faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors()]
        raise RequestValidationError(faults) from error
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(
            "the body is no JSON that can be read", advice="Send it in UTF-8, as the API tells."
        ) from error
