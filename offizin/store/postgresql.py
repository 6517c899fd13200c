"""PostgreSQL (15 and newer), for the same store functions. See docs/decisions/0012.

There is one writing transaction at a time in the whole database: it takes an advisory lock before its first statement
and reads what is committed then. So everything holds that holds with SQLite's one writer, whoever the other servers
are: counters, numbers of jobs, the order of events.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from offizin.clock import Clock, SystemClock
from offizin.errors import Unavailable
from offizin.settings import SyncMode
from offizin.store import migrate
from offizin.store.database_url import DatabaseUrl
from offizin.store.postgresql_connection import KeptConnection, postgresql_engine
from offizin.store.postgresql_troubles import is_not_now, unavailable
from offizin.store.prepared import Prepared
from offizin.store.transaction import Transaction

log = logging.getLogger(__name__)
T = TypeVar("T")

# "offizin" in ASCII: nobody else's advisory lock, we hope.
LOCK = 0x6F6666697A696E

# The turn to write, and in its transaction the number of that transaction: to know after a lost connection whether it
# was committed. An INSERT, as the row may have been cleared away; it is nobody else's row.
_take_turn = Prepared(
    text(
        "WITH turn AS MATERIALIZED"
        " (SELECT pg_advisory_xact_lock(CAST(:lock AS BIGINT)), set_config('synchronous_commit', :sync, true))"
        " INSERT INTO writers (name, transactions, at) SELECT :name, CAST(:number AS BIGINT), CAST(:at AS FLOAT8)"
        " FROM turn ON CONFLICT (name) DO UPDATE SET transactions = excluded.transactions, at = excluded.at"
    )
)
_last = Prepared(text("SELECT transactions FROM writers WHERE name = :name"))
_wait_for_turn = Prepared(text("SELECT pg_advisory_xact_lock(CAST(:lock AS BIGINT))"))
_forget = Prepared(text("DELETE FROM writers WHERE at < CAST(:before AS FLOAT8)"))
_leave = Prepared(text("DELETE FROM writers WHERE name = :name"))

# A server that has not written for so long, in seconds, has ended.
LONG_AGO = 7 * 86400.0
LONGEST_PAUSE = 5.0


@dataclass(slots=True)
class _Progress(Generic[T]):
    """How far a transaction has come. ``result``: what the work returned, when it has."""

    result: list[T] = field(default_factory=list)
    commit_sent: bool = False


class PostgresqlDatabase:
    """One connection to write, with a queue before it, and a few to read.

    Work may be run twice: it must change nothing but the database that could not be changed twice. When the connection
    is lost before COMMIT was sent, it is run once more; when it is lost after that, the database is asked whether it
    has committed, for as long as it takes to reach it, and only then the work is done again or its result returned.
    """

    READERS = 3

    def __init__(self, url: DatabaseUrl, sync: SyncMode = SyncMode.SUBMISSIONS, clock: Clock | None = None) -> None:
        self._shown = str(url)
        self._sync = sync
        self._clock = clock or SystemClock()
        self._name = self._clock.new_id()
        self._number = 0  # of the last transaction that was begun
        self._committed = 0  # of the last one that is known to be committed
        self._lost_some = False
        self._engine = postgresql_engine(url)
        self._turn = asyncio.Lock()
        self._writer = KeptConnection(self._engine, self._shown, isolation_level="READ COMMITTED")
        self._readers: asyncio.LifoQueue[KeptConnection] = asyncio.LifoQueue()
        for _ in range(self.READERS):
            # More than one statement must see one state.
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            self._readers.put_nowait(KeptConnection(self._engine, self._shown, **options))
        self._under_way: set[asyncio.Task[Any]] = set()
        self._closing = asyncio.Event()

    @classmethod
    async def open(
        cls, url: DatabaseUrl, sync: SyncMode = SyncMode.SUBMISSIONS, clock: Clock | None = None
    ) -> PostgresqlDatabase:
        """Connect, and migrate to the newest schema. Raises Unavailable."""
        database = cls(url, sync, clock)
        try:
            await database._migrate()
            before = database._clock.now() - LONG_AGO
            await database.write(lambda tx: _forget.run(tx, {"before": before}))
        except BaseException:
            await database._close_connections()
            raise
        return database

    async def write(self, work: Callable[[Transaction], T], *, synced: bool = False) -> T:
        if self._sync is not SyncMode.SUBMISSIONS:
            synced = self._sync is SyncMode.EVERYTHING
        return await self._to_the_end(self._write(work, synced))

    async def read(self, work: Callable[[Transaction], T]) -> T:
        return await self._to_the_end(self._read(work))

    async def close(self) -> None:
        self._closing.set()
        if self._under_way:
            await asyncio.wait(self._under_way)
        try:
            if self._number:
                await self._write(lambda tx: _leave.run(tx, {"name": self._name}), synced=False)
        except Unavailable as error:
            log.warning("%s", error)
        await self._close_connections()

    async def _to_the_end(self, work: Coroutine[Any, Any, T]) -> T:
        # A transaction does not stop half way because nobody waits for it any more.
        task = asyncio.ensure_future(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def _write(self, work: Callable[[Transaction], T], synced: bool) -> T:
        async with self._turn:
            for may_try_again in (True, False):
                if self._lost_some:
                    raise self._went_back()
                connection = await self._writer.get()
                self._number += 1
                progress: _Progress[T] = _Progress()
                try:
                    await connection.run_sync(self._transaction, work, synced, progress)
                except BaseException as error:
                    if not await self._is_lost(self._writer, connection, error):
                        raise self._as_said(error) from error
                    if not progress.commit_sent or not await self._has_committed(self._number):
                        if may_try_again:
                            log.warning("a transaction is done again: %s", self._as_said(error))
                            continue
                        raise self._as_said(error) from error
                self._committed = self._number
                return progress.result[0]
        raise AssertionError("unreachable")

    def _transaction(
        self, tx: Connection, work: Callable[[Transaction], T], synced: bool, progress: _Progress[T]
    ) -> None:
        with tx.begin() as transaction:
            turn = {
                "lock": LOCK, "sync": "on" if synced else "off", "name": self._name, "number": self._number,
                "at": self._clock.now(),
            }  # fmt: skip
            _take_turn.run(tx, turn)
            progress.result = [work(tx)]
            progress.commit_sent = True
            transaction.commit()

    async def _has_committed(self, number: int) -> bool:
        """Ask the database, and wait until it can be asked. Raises Unavailable when it has lost what it had committed,
        and when this is closed before there is an answer."""
        pause = 0.05
        while True:
            try:
                connection = await self._writer.get()
                found = await connection.run_sync(self._last_of_mine)
            except Exception as error:
                await self._writer.drop()
                log.error("whether a transaction was committed cannot be asked: %s", self._as_said(error))
                if self._closing.is_set():
                    raise self._as_said(error) from error
                await self._clock.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            if found < self._committed:
                self._lost_some = True
                raise self._went_back()
            return found == number

    def _last_of_mine(self, tx: Connection) -> int:
        with tx.begin():
            # As long as the lost connection's transaction is under way, it has the turn.
            _wait_for_turn.run(tx, {"lock": LOCK})
            found = _last.rows(tx, {"name": self._name})
            return int(found[0][0]) if found else 0

    async def _read(self, work: Callable[[Transaction], T]) -> T:
        kept = await self._readers.get()
        try:
            for may_try_again in (True, False):
                connection = await kept.get()
                try:
                    return await connection.run_sync(_in_transaction, work)
                except BaseException as error:
                    if await self._is_lost(kept, connection, error) and may_try_again:
                        continue
                    raise self._as_said(error) from error
            raise AssertionError("unreachable")
        finally:
            self._readers.put_nowait(kept)

    async def _migrate(self) -> None:
        kept = KeptConnection(self._engine, self._shown)
        try:
            await (await kept.get()).run_sync(_migrate_alone)
        except DBAPIError as error:
            raise self._as_said(error) from error
        finally:
            await kept.drop()

    @staticmethod
    async def _is_lost(kept: KeptConnection, connection: AsyncConnection, error: BaseException) -> bool:
        """Whether the connection is gone. It is dropped then, and when it is in no state to go on with."""
        lost = isinstance(error, Exception) and kept.is_lost(error)
        if lost or not isinstance(error, Exception) or connection.in_transaction():
            await kept.drop()
        return lost

    def _as_said(self, error: BaseException) -> BaseException:
        if isinstance(error, Unavailable):
            return error
        return unavailable(error, self._shown) if is_not_now(error) else error

    def _went_back(self) -> Unavailable:
        return Unavailable(
            f"the database {self._shown} has lost transactions that it had committed, in a crash or a restoration",
            advice="Restart this server: it then takes up from what the database has.",
        )

    async def _close_connections(self) -> None:
        await self._writer.close()
        while not self._readers.empty():
            await self._readers.get_nowait().close()
        await self._engine.dispose()


def _in_transaction(tx: Connection, work: Callable[[Transaction], T]) -> T:
    with tx.begin():
        return work(tx)


def _migrate_alone(tx: Connection) -> None:
    # Of several servers that start at once, one migrates. The lock goes with the connection.
    tx.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
    tx.commit()
    migrate.upgrade_over(tx)
