"""Workspaces come in whole or not at all: checked aside, put in their place by one renaming, and only then known."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from offizin.errors import WorkspaceUnknown
from offizin.scheduling.workspace_register import WorkspaceRegister, check_managed
from offizin.store import workspaces
from offizin.store.transaction import Database
from offizin.store.workspaces import NewWorkspace, WorkspaceRow
from offizin.trust.zips import ZipLimits
from offizin.workspaces.incoming import Incoming, check_id, found_in, not_written
from offizin.workspaces.received import METS_NAME, Received, received_in
from offizin.workspaces.unpacking import unpack

T = TypeVar("T")


class Arrivals:
    """``directory`` is where the workspaces of this server lie."""

    def __init__(self, database: Database, register: WorkspaceRegister, directory: Path, limits: ZipLimits) -> None:
        self._database = database
        self._register = register
        self._directory = directory
        self._limits = limits
        self._under_way: set[Path] = set()
        self._last_steps: dict[Path, asyncio.Future[Any]] = {}

    @asynccontextmanager
    async def new(self, workspace_id: str) -> AsyncIterator[Incoming]:
        """A place for what comes in; whatever is left in it goes in the end. Raises InvalidRequest, WorkspaceInUse."""
        check_id(workspace_id)
        async with self._under_way_in(Incoming.new(self._directory, workspace_id)) as incoming:
            yield incoming

    @asynccontextmanager
    async def replacing(self, workspace_id: str) -> AsyncIterator[Incoming]:
        """As ``new``, for what takes the place of a workspace. One that is not there will be new.

        Raises InvalidRequest, WorkspaceDeleted, WorkspaceInUse, Conflict.
        """
        try:
            row = await self._register.find(workspace_id)
        except WorkspaceUnknown:
            async with self.new(workspace_id) as incoming:
                yield incoming
            return
        check_managed(row)
        async with self._under_way_in(Incoming.replacing(Path(row.mets).parent)) as incoming:
            yield incoming

    async def unpack(self, incoming: Incoming) -> Received:
        """What was uploaded as a zip. Raises WorkspaceInvalid, TooLarge, Unavailable."""

        def work() -> Received:
            try:
                unpack(incoming.upload, incoming.unpacked, self._limits)
                incoming.upload.unlink()
                return received_in(incoming.unpacked)
            except OSError as error:
                raise not_written(error) from error

        return await self._see_through(incoming, asyncio.to_thread(work))

    async def put(self, incoming: Incoming, received: Received, description: str = "") -> WorkspaceRow:
        """The workspace is known from now on. Raises WorkspaceInUse, Unavailable."""
        return await self._see_through(incoming, self._put(incoming, received, description))

    async def _see_through(self, incoming: Incoming, step: Coroutine[Any, Any, T]) -> T:
        """Also when whoever waits for it is cancelled: nothing is taken away from under it then."""
        task = self._last_steps[incoming.directory] = asyncio.ensure_future(step)
        return await asyncio.shield(task)

    async def _put(self, incoming: Incoming, received: Received, description: str) -> WorkspaceRow:
        new = NewWorkspace(
            id=incoming.place.name,
            mets=str(incoming.place.resolve() / METS_NAME),
            managed=True,
            description=description or received.description,
            base_version=received.base_version,
        )
        if incoming.is_new:
            await asyncio.to_thread(incoming.put_in_place, received.directory)
            try:
                return await self._register.add(new)
            except BaseException:
                await asyncio.to_thread(shutil.rmtree, incoming.place, ignore_errors=True)
                raise
        return await self._replace(incoming, received, new)

    async def _replace(self, incoming: Incoming, received: Received, new: NewWorkspace) -> WorkspaceRow:
        changed = False

        def change_files() -> None:
            nonlocal changed
            if not changed:
                incoming.change_places(received.directory)
                changed = True

        try:
            await asyncio.to_thread(incoming.settle, received.directory)
            return await self._register.replace(new, change_files)
        except OSError as error:
            raise not_written(error) from error
        except BaseException:
            if changed:
                await asyncio.to_thread(incoming.change_places, received.directory)
            raise

    async def delete(self, workspace_id: str) -> WorkspaceRow:
        """What it was. Raises WorkspaceUnknown, WorkspaceDeleted, WorkspaceInUse."""
        row = await self._register.delete(workspace_id)
        if row.managed:
            await asyncio.to_thread(shutil.rmtree, Path(row.mets).parent, ignore_errors=True)
        return row

    async def clear_up(self) -> None:
        """What a server that was killed has left half done, and files of workspaces that were deleted."""
        left = await asyncio.to_thread(lambda: list(found_in(self._directory)))
        ids = [each.workspace_id for each in left]
        deleted = await self._database.read(lambda tx: workspaces.states_of(tx, ids))
        for each in left:
            if each.incoming is not None and each.incoming.directory not in self._under_way:
                await asyncio.to_thread(each.incoming.discard)
                if each.incoming.is_new and each.workspace_id not in deleted:
                    await asyncio.to_thread(shutil.rmtree, each.place, ignore_errors=True)
            elif each.incoming is None and deleted.get(each.workspace_id):
                await asyncio.to_thread(shutil.rmtree, each.place, ignore_errors=True)

    @asynccontextmanager
    async def _under_way_in(self, incoming: Incoming) -> AsyncIterator[Incoming]:
        await asyncio.to_thread(incoming.begin)
        self._under_way.add(incoming.directory)
        try:
            yield incoming
        finally:
            if (last := self._last_steps.pop(incoming.directory, None)) is not None:
                await asyncio.wait([last])
            await asyncio.to_thread(incoming.discard)
            self._under_way.discard(incoming.directory)
