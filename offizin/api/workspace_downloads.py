"""Workspaces as OCRD-ZIP, made while they are sent."""

from __future__ import annotations

import asyncio
from pathlib import Path

from fastapi.responses import StreamingResponse

from offizin.api.workspace_files import place_of
from offizin.offizin import Offizin
from offizin.store import workspaces
from offizin.store.transaction import Transaction
from offizin.store.workspaces import WorkspaceRow
from offizin.workspaces.ocrd_zip import ocrd_zip, packing

OCRD_ZIP = "application/vnd.ocrd+zip"
ZIP = "application/zip"


async def as_zip(offizin: Offizin, row: WorkspaceRow, media_type: str) -> StreamingResponse:
    """With a METS that has all results so far. Raises MetsMissing, MetsInvalid, MetsChanged, Conflict,
    OwnedElsewhere."""
    await save(offizin, row)
    what = await asyncio.to_thread(packing, Path(row.mets), lambda _, name: place_of(offizin, row, name))
    parts = ocrd_zip(what, row.id, row.base_version, offizin.clock.now())
    name = {"Content-Disposition": f'attachment; filename="{row.id}.ocrd.zip"'}
    return StreamingResponse(parts, media_type=media_type, headers=name)


async def save(offizin: Offizin, row: WorkspaceRow) -> None:
    """So that what is in the METS on disk is all there is. Raises MetsMissing, MetsInvalid, MetsChanged,
    OwnedElsewhere."""

    def has_work(tx: Transaction) -> bool:
        if not workspaces.has_work(tx, row.seq):
            return False
        offizin.ownership.check(tx, row.seq)
        return True

    if await offizin.database.read(has_work):
        saved = await offizin.saving.save(row.seq, Path(row.mets))
        await offizin.database.write(saved.note)
