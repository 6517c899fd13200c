"""A workspace that comes in is known and there, or neither, also when the request for it is cancelled."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from offizin.errors import Unavailable, WorkspaceInUse
from offizin.scheduling.workspace_arrivals import Arrivals
from offizin.store.workspaces import NewWorkspace, WorkspaceRow
from offizin.trust.zips import ZipLimits
from offizin.workspaces.received import Received


class Register:
    """Takes its time, until ``gate`` is set."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.asked, self.gate = asyncio.Event(), asyncio.Event()
        self.known: list[str] = []
        self._fault = fault

    async def add(self, new: NewWorkspace) -> WorkspaceRow:
        self.asked.set()
        await self.gate.wait()
        if self._fault is not None:
            raise self._fault
        self.known.append(new.id)
        return WorkspaceRow(1, new.id, new.mets, new.managed, new.description, 0.0, None, new.base_version)


def arrivals(directory: Path, register: Register) -> Arrivals:
    return Arrivals(cast(Any, None), cast(Any, register), directory, ZipLimits(1000))


async def take(arrivals: Arrivals) -> None:
    async with arrivals.new("a-book") as incoming:
        (incoming.unpacked / "mets.xml").touch()
        await arrivals.put(incoming, Received(incoming.unpacked))


def names(directory: Path) -> list[str]:
    return [entry.name for entry in directory.iterdir()]


async def test_what_is_being_written_down_when_the_request_is_cancelled_is_kept(tmp_path: Path) -> None:
    register = Register()
    taking = asyncio.create_task(take(arrivals(tmp_path, register)))
    await register.asked.wait()
    taking.cancel()
    register.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await taking
    assert (register.known, names(tmp_path)) == (["a-book"], ["a-book"])


async def test_what_cannot_be_written_down_is_not_kept(tmp_path: Path) -> None:
    register = Register(Unavailable("no database"))
    register.gate.set()
    with pytest.raises(Unavailable):
        await take(arrivals(tmp_path, register))
    assert names(tmp_path) == []


async def test_one_workspace_does_not_come_in_twice_at_a_time(tmp_path: Path) -> None:
    both = arrivals(tmp_path, Register())
    async with both.new("a-book"):
        with pytest.raises(WorkspaceInUse, match="being uploaded already"):
            await take(both)
    assert names(tmp_path) == []
