"""Connections to PostgreSQL that are kept open, and opened anew when they were lost."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import URL, AdaptedConnection, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from offizin.errors import Unavailable
from offizin.settings.database_url import DatabaseUrl, password_of
from offizin.store.postgresql_troubles import is_lost, unavailable

CONNECT_LIMIT = 10.0  # seconds
CLOSE_LIMIT = 2.0
# No answer to one statement for so long: the way to the database is dead. It covers waiting for the turn to write.
ANSWER_LIMIT = 180.0
# A server process that is stopped within a transaction keeps all others from writing for so long at most.
IDLE_LIMIT = 30.0
TURN_LIMIT = 120.0

SESSION = {
    "application_name": "offizin",
    "jit": "off",  # never worth it for statements of a few rows
    # Plans are kept, and the first are made when there is nothing in the tables yet: to read, sort or hash all rows is
    # cheap then. So none that would be wrong later; every statement has its index.
    **dict.fromkeys(
        ("enable_seqscan", "enable_bitmapscan", "enable_sort", "enable_hashjoin", "enable_mergejoin"), "off"
    ),
    "plan_cache_mode": "force_generic_plan",
    "timezone": "UTC",
    "idle_in_transaction_session_timeout": f"{IDLE_LIMIT * 1000:.0f}",
    "lock_timeout": f"{TURN_LIMIT * 1000:.0f}",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}


def postgresql_engine(url: DatabaseUrl) -> AsyncEngine:
    """Raises Unavailable when the driver is not installed."""
    arguments: dict[str, Any] = {
        "timeout": CONNECT_LIMIT,
        "command_timeout": ANSWER_LIMIT,
        "server_settings": SESSION,
        "prepared_statement_cache_size": 400,  # of SQLAlchemy's adapter, for single executions
        "statement_cache_size": 200,  # of the driver, for executemany
    }
    if url.ssl_mode is not None:
        arguments["ssl"] = url.ssl_mode
    try:
        engine = create_async_engine(
            _for_sqlalchemy(url), poolclass=NullPool, connect_args=arguments, query_cache_size=1500
        )
    except ModuleNotFoundError as error:
        raise Unavailable(
            f"PostgreSQL needs a package that is not installed: {error.name}",
            advice="pip install 'offizin[cluster]'",
        ) from error

    def with_password(_dialect: object, _record: object, _positional: object, named: dict[str, Any]) -> None:
        password = password_of(url)
        if password is not None:
            named["password"] = password

    event.listen(engine.sync_engine, "do_connect", with_password)
    event.listen(engine.sync_engine, "connect", _set_codecs)
    return engine


def _for_sqlalchemy(url: DatabaseUrl) -> URL:
    """Without the password: that goes to the driver by itself, read anew for each connection."""
    return URL.create(
        "postgresql+asyncpg", username=url.user, host=url.host or None, port=url.port, database=url.database
    )


def _set_codecs(adapted: AdaptedConnection, _record: object) -> None:
    adapted.run_async(_set_text_codec)


async def _set_text_codec(driver: Any) -> None:
    # PostgreSQL cannot store the character NUL, which a processor's last lines may hold.
    for name in ("text", "varchar"):
        await driver.set_type_codec(name, schema="pg_catalog", encoder=_encode, decoder=bytes.decode, format="binary")


def _encode(text: str) -> bytes:
    return text.encode().replace(b"\0", b"\xef\xbf\xbd")


class KeptConnection:
    """One connection, made when it is first asked for. Whoever uses it sees to it that nobody else does meanwhile."""

    def __init__(self, engine: AsyncEngine, shown: str, **options: Any) -> None:
        self._engine = engine
        self.shown = shown  # the database, in messages
        self._options = options
        self._open: AsyncConnection | None = None
        self._driver: Any = None

    async def get(self) -> AsyncConnection:
        """Raises Unavailable."""
        if self._open is None:
            try:
                connection = await self._engine.connect()
                self._open = await connection.execution_options(**self._options)
                self._driver = (await self._open.get_raw_connection()).driver_connection
            except (OSError, DBAPIError) as error:
                await self.drop()
                raise unavailable(error, self.shown) from error
        return self._open

    @property
    def driver(self) -> Any:
        """The driver's own connection (asyncpg), once there is one."""
        return self._driver

    async def is_lost(self, error: BaseException) -> bool:
        """Whether ``error``, of something done with it, came because the connection is gone. Then it is dropped, and
        also when it is in no state to go on with."""
        closed = self._driver is None or bool(self._driver.is_closed())
        lost = isinstance(error, Exception) and (is_lost(error) or closed)
        if lost or not isinstance(error, Exception) or self._driver is None or self._driver.is_in_transaction():
            await self.drop()
        return lost

    async def drop(self) -> None:
        """Close it at once, without a word to the database."""
        connection, self._open = self._open, None
        if connection is not None:
            try:
                await connection.invalidate()
                await connection.close()
            except Exception:  # it is gone, that is all that is wanted
                pass

    async def close(self) -> None:
        connection, self._open = self._open, None
        if connection is not None:
            try:
                async with asyncio.timeout(CLOSE_LIMIT):
                    await connection.close()
            except (TimeoutError, OSError, DBAPIError):
                self._driver.terminate()
