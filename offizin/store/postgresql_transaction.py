"""Transactions on PostgreSQL, begun and ended by us.

SQLAlchemy's driver sends BEGIN with the first statement that goes through its cursors; those of the hot path
(store.prepared) do not. So for SQLAlchemy the connection is in AUTOCOMMIT, and here is the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection

READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
WRITING = "BEGIN ISOLATION LEVEL READ COMMITTED;"


def at_once(tx: Connection, script: str) -> str:
    """Run statements without parameters, all in one message; what the last of them says it did."""
    adapted: Any = tx.connection.dbapi_connection
    return str(adapted.run_async(lambda driver: driver.execute(script)))


@contextmanager
def transaction(tx: Connection, begin: str) -> Iterator[None]:
    """``begin``: its first statements. Committed at the end, or rolled back if there was an error."""
    with tx.begin():
        try:
            at_once(tx, begin)
            yield
        except BaseException:
            if not _is_closed(tx):
                at_once(tx, "ROLLBACK;")
            raise
        commit(tx)


def commit(tx: Connection) -> None:
    # A transaction in which an error was passed over is rolled back, and PostgreSQL's answer says no more than that.
    done = at_once(tx, "COMMIT;")
    if done != "COMMIT":
        raise RuntimeError(f"the transaction was not committed: {done}")


def _is_closed(tx: Connection) -> bool:
    driver: Any = tx.connection.driver_connection
    return driver is None or bool(driver.is_closed())
