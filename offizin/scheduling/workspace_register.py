"""The workspaces that are known, by their ids; and how one of them goes, or gets other files.

Who replaces or deletes takes the workspace first, and changes the epoch: whoever has it open reads it anew. What is
looked at and what is done about it lie in one writing transaction, so no run can begin in between.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from offizin.clock import Clock
from offizin.errors import Conflict, WorkspaceInUse
from offizin.scheduling.lanes import Lanes
from offizin.scheduling.ownership import Ownership
from offizin.store import fingerprints, workspaces
from offizin.store.transaction import Database, Transaction
from offizin.store.workspaces import NewWorkspace, WorkspaceRow


class WorkspaceRegister:
    def __init__(self, database: Database, ownership: Ownership, lanes: Lanes, clock: Clock) -> None:
        self._database = database
        self._ownership = ownership
        self._lanes = lanes
        self._clock = clock

    async def find(self, workspace_id: str) -> WorkspaceRow:
        """Raises WorkspaceUnknown, WorkspaceDeleted."""
        return await self._database.read(lambda tx: workspaces.by_id(tx, workspace_id))

    async def listed(self, before: str | None, limit: int) -> list[WorkspaceRow]:
        """The newest first; ``before`` is the id of the last one of the page before. Raises WorkspaceUnknown,
        WorkspaceDeleted."""

        def read(tx: Transaction) -> list[WorkspaceRow]:
            last = None if before is None else workspaces.by_id(tx, before).seq
            return workspaces.listed(tx, before=last, limit=limit)

        return await self._database.read(read)

    async def add(self, new: NewWorkspace) -> WorkspaceRow:
        """Its files are there already."""
        now, owner = self._clock.now(), self._ownership.server
        return await self._database.write(
            lambda tx: workspaces.by_seq(tx, workspaces.add(tx, new, now, owner)), synced=True
        )

    async def replace(self, new: NewWorkspace, change_files: Callable[[], None]) -> WorkspaceRow:
        """``change_files`` puts the new files in the place of the old ones; once it has, calling it again does nothing.
        Raises WorkspaceUnknown, WorkspaceDeleted, WorkspaceInUse, Conflict, and what ``change_files`` raises."""

        def write(tx: Transaction) -> WorkspaceRow:
            row = workspaces.by_id(tx, new.id)
            check_managed(row)
            self._take_idle(tx, row)
            workspaces.describe(tx, row.seq, new.description, new.base_version)
            fingerprints.forget_all(tx, row.seq)
            change_files()
            return workspaces.by_seq(tx, row.seq)

        row = await self._database.write(write, synced=True)
        self._lanes.forget([Path(row.mets)])
        return row

    async def delete(self, workspace_id: str) -> WorkspaceRow:
        """From now on it is gone for all; what it was. The files of a managed one are its caller's to delete.

        Raises WorkspaceUnknown, WorkspaceDeleted, WorkspaceInUse.
        """
        now = self._clock.now()

        def write(tx: Transaction) -> WorkspaceRow:
            row = workspaces.by_id(tx, workspace_id)
            self._take_idle(tx, row)
            workspaces.delete(tx, row.seq, now)
            return row

        row = await self._database.write(write, synced=True)
        self._lanes.forget([Path(row.mets)])
        return row

    def _take_idle(self, tx: Transaction, row: WorkspaceRow) -> None:
        if workspaces.has_work(tx, row.seq):
            raise WorkspaceInUse(
                f"work on the workspace {row.id} has not ended, or is not in its METS yet",
                advice="Wait for their end, or cancel them: GET /workflow/jobs lists them.",
            )
        workspaces.move(tx, [row.seq], self._ownership.server)


def check_managed(row: WorkspaceRow) -> None:
    """Raises Conflict for a workspace whose files are not ours."""
    if not row.managed:
        raise Conflict(
            f"the workspace {row.id} lies at {row.mets}, where it was before the server knew it: its files are not "
            "replaced",
            advice="Upload the new one with POST /workspace.",
        )
