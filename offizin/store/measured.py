"""Any database, with its transactions counted and timed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from offizin.store.transaction import Database, Transaction
from offizin.tallies import Tallies

T = TypeVar("T")


class MeasuredDatabase:
    """As the ``database`` it is made of."""

    def __init__(self, database: Database, tallies: Tallies) -> None:
        self._database = database
        self._tallies = tallies

    @property
    def shared(self) -> bool:
        return self._database.shared

    @property
    def writer(self) -> str:
        return self._database.writer

    async def write(self, work: Callable[[Transaction], T], *, synced: bool = False) -> T:
        with self._tallies.transaction("synced" if synced else "write"):
            return await self._database.write(work, synced=synced)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        with self._tallies.transaction("read"):
            return await self._database.read(work)

    async def close(self) -> None:
        await self._database.close()
