"""What a run has made, to be taken along: its files as a zip, or its text."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from fastapi.responses import PlainTextResponse, Response, StreamingResponse

from offizin.api import run_views
from offizin.api.workspace_downloads import save
from offizin.api.workspace_files import place_of
from offizin.api.workspace_views import opened
from offizin.errors import Conflict, FileGroupMissing, NotFound, OffizinError
from offizin.offizin import Offizin
from offizin.pages import resolve_pages
from offizin.store import runs, workspaces
from offizin.store.runs import RunRow
from offizin.store.transaction import Transaction
from offizin.store.workspaces import WorkspaceRow
from offizin.trust.paths import plain_name
from offizin.workspaces.book_text import book_text
from offizin.workspaces.zip_stream import ZipStream


async def as_zip(offizin: Offizin, run_id: str) -> Response:
    """The files of the groups that the run writes, on its pages, by their paths in the workspace.

    Raises RunUnknown, NotFound when there are none, Conflict when one is missing, MetsMissing, MetsInvalid,
    OwnedElsewhere.
    """
    run, row, groups = await _run(offizin, run_id)
    index = await opened(offizin, row)
    # in a thread: there may be a regular expression in it
    named = await asyncio.to_thread(resolve_pages, run.page_selector or None, [*index.pages])
    pages = [*named, None]
    files = [file for group in groups for page in pages for file in index.files(group, page)]
    names = list(dict.fromkeys(file.local_filename for file in files if file.local_filename))
    if not names:
        raise _nothing(run_id)
    places = await asyncio.to_thread(_places, offizin, row, names)
    name = {"Content-Disposition": f'attachment; filename="{run_id}.zip"'}
    return StreamingResponse(_zip(places), media_type="application/zip", headers=name)


async def as_text(offizin: Offizin, run_id: str) -> Response:
    """The text of the last group that has any, page by page, as ``offizin text`` prints it.

    Raises RunUnknown, NotFound, MetsMissing, MetsInvalid, MetsChanged, OwnedElsewhere.
    """
    run, row, groups = await _run(offizin, run_id)
    await save(offizin, row)

    def read() -> str:
        for group in reversed(groups):
            try:
                texts = book_text(Path(row.mets), group, run.page_selector or None)
            except FileGroupMissing:
                continue
            return "\n".join(f"=== {page} ===\n" + "".join(f"{line}\n" for line in lines) for page, lines in texts)
        raise _nothing(run_id)

    return PlainTextResponse(await asyncio.to_thread(read))


async def _run(offizin: Offizin, run_id: str) -> tuple[RunRow, WorkspaceRow, list[str]]:
    """With the groups that its steps write, in their order."""
    run = await run_views.run_row(offizin, run_id)

    def read(tx: Transaction) -> tuple[WorkspaceRow, list[str]]:
        row = workspaces.by_seq(tx, run.workspace)
        if row.deleted_at is not None:
            raise workspaces.deleted(row)
        written = [group for step in runs.steps_of(tx, run.seq) for group in step.output_file_grps]
        return row, list(dict.fromkeys(written))

    return run, *await offizin.database.read(read)


def _places(offizin: Offizin, row: WorkspaceRow, names: list[str]) -> dict[str, Path]:
    places = {str(plain_name(name)): place_of(offizin, row, name) for name in names}
    if missing := [name for name, place in places.items() if not place.is_file()]:
        raise Conflict(
            f"{len(missing)} files that the METS lists are not there: {', '.join(missing[:5])}",
            advice="Do again what made them: offizin retry RUN --what missing.",
        )
    return places


def _zip(places: dict[str, Path]) -> Iterator[bytes]:
    stream = ZipStream()
    for name, place in places.items():
        yield from stream.file(name, place)
    yield from stream.end()


def _nothing(run_id: str) -> OffizinError:
    return NotFound(
        f"the run {run_id} has made nothing of this kind, or not yet",
        advice=f"GET /workflow/job/{run_id}/summary tells how far it is.",
    )
