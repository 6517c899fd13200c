"""All that differs between the databases."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import Connection, Engine, Table, create_engine, event
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool, StaticPool
from sqlalchemy.sql.dml import Insert

from offizin.errors import Unavailable

NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs", "ceph", "glusterfs"}
)


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    # SQLAlchemy begins and ends transactions, not the driver; see _begin.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "busy_timeout=10000", "cache_size=-16000", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Any) -> None:
    # Only the one writer writes, so a deferred BEGIN never has to be upgraded against somebody else.
    connection.connection.dbapi_connection.execute("BEGIN")


def sqlite_engine(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=NullPool,
        connect_args={"check_same_thread": False, "cached_statements": 256},
        query_cache_size=1500,
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def memory_engine() -> Engine:
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def inserted_number(transaction: Connection, statement: Insert) -> int:
    """Run an INSERT of one row; the number the database gave it."""
    key = transaction.execute(statement).inserted_primary_key
    assert key is not None
    return int(key[0])


def insert_or_replace(dialect: str, table: Table, key: Sequence[str]) -> Insert:
    """An INSERT that overwrites the row with the same ``key``; both databases spell it ON CONFLICT DO UPDATE."""
    statement = postgresql_insert(table) if dialect == "postgresql" else sqlite_insert(table)
    return statement.on_conflict_do_update(
        index_elements=list(key),
        set_={c.name: statement.excluded[c.name] for c in table.columns if c.name not in key},
    )


def insert_unless_there(dialect: str, table: Table, key: Sequence[str]) -> Insert:
    """An INSERT that does nothing where there is a row with the same ``key``."""
    statement = postgresql_insert(table) if dialect == "postgresql" else sqlite_insert(table)
    return statement.on_conflict_do_nothing(index_elements=list(key))


@contextmanager
def troubles_said() -> Iterator[None]:
    """Raises Unavailable where the database says that it cannot do something now: full, locked, unreadable."""
    try:
        yield
    except (sqlite3.OperationalError, OperationalError) as error:
        said = error.orig if isinstance(error, OperationalError) else error
        raise Unavailable(
            f"the database cannot be used now: {said}",
            advice="Look whether its disk is full or cannot be written; work goes on by itself when it can be.",
        ) from error


def refuse_network_file_system(path: Path) -> None:
    """Raises Unavailable: SQLite's locks do not hold on network file systems."""
    parent = path.resolve().parent
    best = max(
        (p for p in psutil.disk_partitions(all=True) if parent.is_relative_to(p.mountpoint)),
        key=lambda p: len(p.mountpoint),
        default=None,
    )
    if best is not None and best.fstype in NETWORK_FILE_SYSTEMS:
        raise Unavailable(
            f"{path.parent} lies on a network file system ({best.fstype}), where SQLite's locks do not hold",
            advice="Name a directory on a local disk with --home or OFFIZIN_HOME.",
        )
