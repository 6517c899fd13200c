"""PostgreSQL (15 and newer), for the same store functions. See docs/decisions/0007.

There is one writing transaction at a time in the whole database: it takes an advisory lock before its first statement
and reads what is committed then. So everything holds that holds with SQLite's one writer, whoever the other servers
are: counters, numbers of jobs, the order of events.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from sqlalchemy import Connection, text

from offizin.clock import Clock, SystemClock
from offizin.settings import SyncMode
from offizin.settings.database_url import DatabaseUrl
from offizin.store import migrate
from offizin.store.postgresql_connection import KeptConnection, postgresql_engine
from offizin.store.postgresql_news import PostgresqlNews
from offizin.store.postgresql_transaction import READING, transaction
from offizin.store.postgresql_troubles import raise_said
from offizin.store.postgresql_writer import LOCK, PostgresqlWriter
from offizin.store.transaction import Transaction

T = TypeVar("T")


class PostgresqlDatabase:
    """One connection to write, with a queue before it, and a few to read.

    Work is done on the event loop, a greenlet waits for the database. It may be run twice when a connection was lost.
    """

    READERS = 3
    shared = True

    def __init__(self, url: DatabaseUrl, sync: SyncMode = SyncMode.SUBMISSIONS, clock: Clock | None = None) -> None:
        self._sync = sync
        self._engine = postgresql_engine(url)
        self._shown = str(url)
        self._writer = PostgresqlWriter(self._connection(isolation_level="AUTOCOMMIT"), clock or SystemClock())
        self._readers: asyncio.LifoQueue[KeptConnection] = asyncio.LifoQueue()
        for _ in range(self.READERS):
            self._readers.put_nowait(self._connection(isolation_level="AUTOCOMMIT"))
        self._under_way: set[asyncio.Task[Any]] = set()

    def news(
        self, clock: Clock, new: asyncio.Event, *, others: Callable[[], bool], heard: Callable[[], None]
    ) -> PostgresqlNews:
        """A service that tells other servers on this database, and hears from them."""
        return PostgresqlNews(self._connection(isolation_level="AUTOCOMMIT"), clock, new, others=others, heard=heard)

    @property
    def writer(self) -> str:
        return self._writer.name

    def _connection(self, **options: Any) -> KeptConnection:
        return KeptConnection(self._engine, self._shown, **options)

    @classmethod
    async def open(
        cls, url: DatabaseUrl, sync: SyncMode = SyncMode.SUBMISSIONS, clock: Clock | None = None
    ) -> PostgresqlDatabase:
        """Connect, and migrate to the newest schema. Raises Unavailable."""
        database = cls(url, sync, clock)
        try:
            await database._migrate()
        except BaseException:
            await database.close()
            raise
        return database

    async def _migrate(self) -> None:
        kept = self._connection()
        try:
            await (await kept.get()).run_sync(_migrate_alone)
        except Exception as error:
            raise_said(error, self._shown)
        finally:
            await kept.drop()

    async def write(self, work: Callable[[Transaction], T], *, synced: bool = False) -> T:
        if self._sync is not SyncMode.SUBMISSIONS:
            synced = self._sync is SyncMode.EVERYTHING
        return await self._to_the_end(self._writer.write(work, synced=synced))

    async def read(self, work: Callable[[Transaction], T]) -> T:
        return await self._to_the_end(self._read(work))

    async def _to_the_end(self, work: Coroutine[Any, Any, T]) -> T:
        # A transaction does not stop half way because nobody waits for it any more.
        task = asyncio.ensure_future(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def _read(self, work: Callable[[Transaction], T]) -> T:
        kept = await self._readers.get()
        try:
            for may_try_again in (True, False):
                connection = await kept.get()
                try:
                    return await connection.run_sync(_reading, work)
                except BaseException as error:
                    lost = await kept.is_lost(error)
                    if not (lost and may_try_again):
                        raise_said(error, self._shown, lost=lost)
            raise AssertionError("unreachable")
        finally:
            self._readers.put_nowait(kept)

    async def close(self) -> None:
        """Waits for what is under way."""
        self._writer.close_soon()
        if self._under_way:
            await asyncio.wait(self._under_way)
        await self._writer.close()
        while not self._readers.empty():
            await self._readers.get_nowait().close()
        await self._engine.dispose()


def _reading(tx: Connection, work: Callable[[Transaction], T]) -> T:
    with transaction(tx, READING):
        return work(tx)


def _migrate_alone(tx: Connection) -> None:
    # Of several servers that start at once, one migrates. The lock goes with the connection.
    tx.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
    tx.commit()
    migrate.upgrade_over(tx)
