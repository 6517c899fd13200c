"""How the database is reached: a piece of work, done whole in one transaction, away from the event loop.

Store functions are plain functions of a connection. SQLite runs them in a thread (one hop for a whole transaction, and
nothing can be awaited, so nothing can be published, in the middle of one); PostgreSQL runs the same functions
through ``AsyncConnection.run_sync`` (store.postgresql); the simulation calls them directly. See docs/decisions/0001.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, TypeVar

from sqlalchemy import Connection, Engine

from offizin.settings import SyncMode
from offizin.store import dialects, migrate

T = TypeVar("T")
Transaction = Connection


class Database(Protocol):
    """``shared``: whether other servers may be at work on it. ``writer`` is what this one is called in ``writers``;
    empty where it is alone."""

    @property
    def shared(self) -> bool: ...

    @property
    def writer(self) -> str: ...

    async def write(self, work: Callable[[Transaction], T], *, synced: bool = False) -> T:
        """Run ``work`` in a writing transaction and commit it. With ``synced`` it is on disk when this returns;
        otherwise a power failure (not a crash of the process) may take the last of them back.

        Transactions are committed in the order they were asked for, and whoever asked first goes on first. Raises what
        ``work`` raises, and Unavailable when the database cannot do it now; then nothing is written. ``work`` may be
        run a second time when a connection was lost: it changes nothing but the database that must not change twice.
        """
        ...

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` on a consistent snapshot. Raises as ``write``."""
        ...

    async def close(self) -> None: ...


class SqliteDatabase:
    """SQLite in WAL mode: one writer connection with a queue before it, and separate readers."""

    READERS = 2
    shared = False
    writer = ""

    def __init__(self, path: Path, sync: SyncMode = SyncMode.SUBMISSIONS) -> None:
        self._sync = sync
        self._engine: Engine = dialects.sqlite_engine(path)
        self._writer_thread = ThreadPoolExecutor(1, "store-writer")
        self._reader_threads = ThreadPoolExecutor(self.READERS, "store-reader")
        self._writer: Connection | None = None
        self._synced = True
        self._readers = threading.local()
        self._open: list[Connection] = []

    @classmethod
    async def open(cls, path: Path, sync: SyncMode = SyncMode.SUBMISSIONS) -> SqliteDatabase:
        """Open, and migrate to the newest schema. Raises Unavailable on a network file system."""
        dialects.refuse_network_file_system(path)
        database = cls(path, sync)
        await asyncio.get_running_loop().run_in_executor(database._writer_thread, database._start)
        return database

    def _start(self) -> None:
        migrate.upgrade(self._engine)
        self._writer = self._engine.connect()

    async def write(self, work: Callable[[Transaction], T], *, synced: bool = False) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writer_thread, self._write, work, synced)

    def _write(self, work: Callable[[Transaction], T], synced: bool) -> T:
        connection = self._writer
        assert connection is not None
        if self._sync is not SyncMode.SUBMISSIONS:
            synced = self._sync is SyncMode.EVERYTHING
        if synced != self._synced:
            connection.connection.execute(f"PRAGMA synchronous={'FULL' if synced else 'NORMAL'}")
            self._synced = synced
        with dialects.troubles_said(), connection.begin():
            return work(connection)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._reader_threads, self._read, work)

    def _read(self, work: Callable[[Transaction], T]) -> T:
        connection: Connection | None = getattr(self._readers, "connection", None)
        if connection is None:
            connection = self._engine.connect()
            self._readers.connection = connection
            self._open.append(connection)
        with dialects.troubles_said(), connection.begin():
            return work(connection)

    async def close(self) -> None:
        def end() -> None:
            if self._writer is not None:
                with self._writer.begin():
                    pass
                self._writer.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                self._writer.close()

        await asyncio.get_running_loop().run_in_executor(self._writer_thread, end)
        self._writer_thread.shutdown()
        self._reader_threads.shutdown()
        for connection in self._open:
            connection.close()
        self._engine.dispose()


class InlineDatabase:
    """SQLite in memory, run at once in the caller's thread: deterministic, for the simulation."""

    shared = False
    writer = ""

    def __init__(self) -> None:
        self._engine = dialects.memory_engine()
        migrate.upgrade(self._engine)
        self._connection = self._engine.connect()

    async def write(self, work: Callable[[Transaction], T], *, synced: bool = False) -> T:
        with dialects.troubles_said(), self._connection.begin():
            return work(self._connection)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        with dialects.troubles_said(), self._connection.begin():
            return work(self._connection)

    async def close(self) -> None:
        self._connection.close()
        self._engine.dispose()
