"""Undoing a run, and telling what is gone."""

from __future__ import annotations

from offizin.cli.connection import Place, clock, connect
from offizin.cli.run_naming import find_run
from offizin.cli.wording import count


async def undo(place: Place, name: str, *, force: bool) -> int:
    """Raises RunUnknown, and Conflict with what is in the way."""
    async with connect(place, clock()) as connection:
        run = await find_run(connection.client, name)
        undone = await connection.client.undo_run(run.run_id, force=force)
    groups = f"; nothing is left in {', '.join(undone.file_grps)}" if undone.file_grps else ""
    print(f"{count(undone.files, 'file')} taken out of {run.path_to_mets}{groups}.")
    return 0
