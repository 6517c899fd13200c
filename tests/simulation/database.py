"""A server's way to the database, which outlives it: it takes its time, fails now and then, and may be where the server
is killed."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

from offizin.store.transaction import InlineDatabase, Transaction
from tests.simulation.chances import Chances
from tests.simulation.virtual_loop import Killed, Life

T = TypeVar("T")
PAUSE = 0.004


class Hooks:
    """What the parts of the world tell it: a step was taken, and whether the server dies of it."""

    def __init__(self, chances: Chances, kill: Callable[[str], None], committed: Callable[[str], None]) -> None:
        self.chances = chances
        self.kill = kill
        self.committed = committed
        self.counts: Counter[str] = Counter()


class SimulatedDatabase:
    """One life's way to the database, which outlives it. As on SQLite writers queue up, and who committed first goes on
    first."""

    def __init__(self, inner: InlineDatabase, life: Life, hooks: Hooks) -> None:
        self._inner = inner
        self._life = life
        self._hooks = hooks
        self._writer = asyncio.Lock()

    async def write(self, work: Callable[[Transaction], T], *, synced: bool = False) -> T:
        chances = self._hooks.chances
        result: list[T] = []

        def of_a_living_server(tx: Transaction) -> None:
            result.append(work(tx))
            if self._life.ended:
                raise Killed
            if chances.happens("a transaction fails"):
                raise sqlite3.OperationalError("database or disk is full")

        async with self._writer:
            await asyncio.sleep(chances.seconds("database", PAUSE))
            self._die_maybe(f"before {_name(work)}")
            await self._inner.write(of_a_living_server)
            self._hooks.committed(_name(work))
        self._die_maybe(f"after {_name(work)}")
        # A thread's result comes back in a later turn of the loop, in the order of the commits.
        await _turn()
        return result[0]

    async def read(self, work: Callable[[Transaction], T]) -> T:
        await asyncio.sleep(self._hooks.chances.seconds("database", PAUSE))
        if self._life.ended:
            raise Killed

        def or_not(tx: Transaction) -> T:
            if self._hooks.chances.happens("a look into the database fails"):
                raise sqlite3.OperationalError("disk I/O error")
            return work(tx)

        self._hooks.counts["looks into the database"] += 1
        found = await self._inner.read(or_not)
        await _turn()
        return found

    async def close(self) -> None:
        """The next life goes on with it."""

    def _die_maybe(self, where: str) -> None:
        if self._life.ended:
            raise Killed
        if self._hooks.chances.happens("the server is killed"):
            self._hooks.kill(where)
            raise Killed


async def _turn() -> None:
    turned = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(turned.set_result, None)
    await turned


def _name(work: Callable[..., Any]) -> str:
    return getattr(work, "__qualname__", repr(work)).replace(".<locals>", "").replace(".<lambda>", "")
