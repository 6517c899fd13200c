"""Writing transactions on PostgreSQL: one at a time in the whole database, and none of unknown outcome."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from offizin.clock import Clock
from offizin.errors import TakenOver, Unavailable
from offizin.store.postgresql_connection import KeptConnection
from offizin.store.postgresql_transaction import WRITING, at_once, transaction
from offizin.store.postgresql_troubles import raise_said, sqlstate
from offizin.store.prepared import Prepared

log = logging.getLogger(__name__)
T = TypeVar("T")

# "offizin" in ASCII: nobody else's advisory lock, we hope.
LOCK = 0x6F6666697A696E

# The turn to write, and in its transaction the number of that transaction: to know after a lost connection whether it
# was committed. An INSERT, as the row may have been cleared away. Others write into it one thing only: a negative
# number, when they take over from this server (store.servers.fence); then it cannot be divided by nought, and nothing
# is written. That is seen in the row as it is then, not as it was before the turn came.
_PREPARE_TURN = f"""
PREPARE offizin_turn (text, text, bigint, float8) AS
WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock({LOCK}), set_config('synchronous_commit', $1, true))
INSERT INTO writers (name, transactions, at) SELECT $2, $3, $4 FROM turn
ON CONFLICT (name) DO UPDATE
SET transactions = excluded.transactions / (writers.transactions >= 0)::int, at = excluded.at;
"""
_wait_for_turn = Prepared(text("SELECT pg_advisory_xact_lock(CAST(:lock AS BIGINT))"))
_last = Prepared(text("SELECT transactions FROM writers WHERE name = :name"))
_leave = Prepared(
    text("DELETE FROM writers WHERE name = :name OR (at < CAST(:before AS FLOAT8) AND transactions >= 0)")
)
DIVISION_BY_ZERO = "22012"

# A server that has not written for so long, in seconds, has ended.
LONG_AGO = 7 * 86400.0
LONGEST_PAUSE = 5.0


@dataclass(slots=True)
class _Progress(Generic[T]):
    """How far a transaction has come. ``result``: what the work returned, when it has."""

    result: list[T] = field(default_factory=list)
    commit_sent: bool = False


class PostgresqlWriter:
    """The one connection of this server that writes, with a queue before it.

    Work is run a second time when the connection is lost before COMMIT was sent. When it is lost after that, the
    database is asked whether it has committed, for as long as it takes to reach it; only then the work is run again, or
    its result returned.
    """

    def __init__(self, connection: KeptConnection, clock: Clock) -> None:
        self._kept = connection
        self._clock = clock
        self.name = clock.new_id()
        self._number = 0  # of the last transaction that was begun
        self._committed = 0  # of the last one that is known to be committed
        self._lost_some = False
        self._taken_over = False
        self._checked: AsyncConnection | None = None
        self._turn = asyncio.Lock()
        self._closing = False

    async def write(self, work: Callable[[Connection], T], *, synced: bool) -> T:
        async with self._turn:
            for may_try_again in (True, False):
                connection = await self._ready()
                self._number += 1
                progress: _Progress[T] = _Progress()
                try:
                    await connection.run_sync(self._transaction, work, synced, progress)
                except BaseException as error:
                    if not await self._kept.is_lost(error):
                        if sqlstate(error) == DIVISION_BY_ZERO:
                            self._taken_over = True
                            raise taken_over() from error
                        raise_said(error, self._kept.shown)
                    if not progress.commit_sent or not await self._has_committed():
                        if not may_try_again:
                            raise_said(error, self._kept.shown, lost=True)
                        log.warning("the connection to the database was lost, a transaction is done again: %s", error)
                        continue
                self._committed = self._number
                return progress.result[0]
        raise AssertionError("unreachable")

    def close_soon(self) -> None:
        """From now on do not wait for a database that cannot be reached."""
        self._closing = True

    async def close(self) -> None:
        leaving = {"name": self.name, "before": self._clock.now() - LONG_AGO}
        try:
            if self._committed:
                await self.write(lambda tx: _leave.run(tx, leaving), synced=False)
        except Unavailable as error:
            log.warning("%s", error)
        await self._kept.close()

    def _transaction(
        self, tx: Connection, work: Callable[[Connection], T], synced: bool, progress: _Progress[T]
    ) -> None:
        sync = "on" if synced else "off"
        turn = f"EXECUTE offizin_turn('{sync}', '{self.name}', {self._number}, {self._clock.now()!r});"
        with transaction(tx, WRITING + turn):
            progress.result = [work(tx)]
            progress.commit_sent = True

    async def _ready(self) -> AsyncConnection:
        """A connection to a database that has all that was committed."""
        while True:
            if self._lost_some:
                raise self._went_back()
            if self._taken_over:
                raise taken_over()
            connection = await self._kept.get()
            if connection is self._checked:
                return connection
            try:
                await self._check(connection)
            except Exception as error:
                if not await self._kept.is_lost(error):
                    raise_said(error, self._kept.shown)

    async def _check(self, connection: AsyncConnection) -> int:
        """The number of our last transaction that the database has. Raises Unavailable if there have been more, and
        TakenOver."""
        found = await connection.run_sync(self._last_of_mine)
        if found < 0:
            self._taken_over = True
            raise taken_over()
        if found < self._committed:
            self._lost_some = True
            raise self._went_back()
        self._checked = connection
        return found

    def _last_of_mine(self, tx: Connection) -> int:
        with transaction(tx, WRITING):
            # As long as a lost connection's transaction is under way, it has the turn.
            _wait_for_turn.run(tx, {"lock": LOCK})
            found = _last.rows(tx, {"name": self.name})
            at_once(tx, _PREPARE_TURN)
            return int(found[0][0]) if found else 0

    async def _has_committed(self) -> bool:
        """Whether the last transaction was committed. Waits until that can be asked. Raises Unavailable when the
        database has lost what it had committed before, and when this is closed before there is an answer."""
        pause = 0.05
        while True:
            try:
                return await self._check(await self._kept.get()) == self._number
            except Exception as error:
                if self._lost_some or self._closing or self._taken_over:
                    raise_said(error, self._kept.shown, lost=True)
                await self._kept.drop()
                log.error("whether a transaction was committed cannot be asked now: %s", error)
            await self._clock.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _went_back(self) -> Unavailable:
        return Unavailable(
            f"the database {self._kept.shown} has lost transactions that it had committed, in a crash or a restoration",
            advice="Restart this server: it then takes up from what the database has.",
        )


def taken_over() -> TakenOver:
    return TakenOver(
        "another server has taken over the work of this one, so nothing of it is written any more",
        advice="Start this server again: it then takes part in new work.",
    )
