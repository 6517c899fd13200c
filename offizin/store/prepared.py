"""Statements of the hot path: compiled once for each dialect, and then given to the driver. SQLAlchemy's own way, with
its results, and with its cursors over asyncpg, costs up to five times as much.

Values are not converted on the way in or out: booleans come back from SQLite as 0 and 1.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import msgspec
from sqlalchemy import ClauseElement, Connection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import Insert
from sqlalchemy.sql.elements import BindParameter, ColumnElement

Row = tuple[Any, ...]


class Prepared:
    """``rows`` takes a value for every bound parameter of the statement, ``run_many`` a mapping for each execution."""

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._compiled: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._constants: dict[str, Any] = {}  # what SQLAlchemy binds by itself, as the 0 of OFFSET 0

    def rows(self, tx: Connection, values: Mapping[str, Any]) -> list[Row]:
        """All rows of a SELECT, or of what a statement is RETURNING."""
        return self._execute(tx, values, fetch=True)

    def run(self, tx: Connection, values: Mapping[str, Any]) -> None:
        self._execute(tx, values, fetch=False)

    def run_many(self, tx: Connection, values: Sequence[Mapping[str, Any]]) -> None:
        if not values:
            return
        sql, names = self._for(tx)
        pick = itemgetter(*names)
        if self._constants:
            values = [{**self._constants, **each} for each in values]
        rows = [pick(each) for each in values] if len(names) > 1 else [(pick(each),) for each in values]
        if tx.dialect.is_async:
            _asked(tx, lambda driver: driver.executemany(sql, rows))
            return
        cursor = tx.connection.cursor()
        try:
            cursor.executemany(sql, rows)
        finally:
            cursor.close()

    def _execute(self, tx: Connection, values: Mapping[str, Any], *, fetch: bool) -> list[Row]:
        sql, names = self._for(tx)
        given = {**self._constants, **values} if self._constants else values
        parameters = [given[name] for name in names]
        if tx.dialect.is_async:
            found: list[Row] = _asked(tx, lambda driver: driver.fetch(sql, *parameters))
            return found
        cursor = tx.connection.cursor()
        try:
            cursor.execute(sql, parameters)
            return list(cursor.fetchall()) if fetch else []
        finally:
            cursor.close()

    def _for(self, tx: Connection) -> tuple[str, tuple[str, ...]]:
        found = self._compiled.get(tx.dialect.name)
        if found is None:
            statement = self._statement
            if isinstance(statement, Insert) and not statement._returning:
                statement = statement.inline()  # or PostgreSQL is asked for the number that it gave
            compiled = statement.compile(dialect=tx.dialect)
            assert isinstance(compiled, SQLCompiler)
            found = self._compiled[tx.dialect.name] = str(compiled), tuple(compiled.positiontup or ())
            self._constants.update({name: value for name, value in compiled.params.items() if value is not None})
        return found


def _asked(tx: Connection, question: Callable[[Any], Awaitable[Any]]) -> Any:
    adapted: Any = tx.connection.dbapi_connection
    return adapted.run_async(question)


class _Among(ColumnElement[bool]):
    inherit_cache = False

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        self.column = column
        self.parameter: BindParameter[Any] = BindParameter(name)


@compiles(_Among, "sqlite")
def _among_sqlite(element: _Among, compiler: SQLCompiler, **kw: Any) -> str:
    column, parameter = (compiler.process(each, **kw) for each in (element.column, element.parameter))
    return f"{column} IN (SELECT value FROM json_each({parameter}))"


@compiles(_Among, "postgresql")
def _among_postgresql(element: _Among, compiler: SQLCompiler, **kw: Any) -> str:
    column, parameter = (compiler.process(each, **kw) for each in (element.column, element.parameter))
    return f"{column} = ANY (CAST({parameter} AS BIGINT[]))"


def among(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """``column`` is one of the numbers bound to ``name`` (encoded by ``numbers``): all of them in one parameter."""
    return _Among(column, name)


def numbers(tx: Connection, values: Collection[int] | Iterable[int]) -> Any:
    """The numbers as the parameter of ``among``."""
    listed = list(values)
    return listed if tx.dialect.name == "postgresql" else msgspec.json.encode(listed).decode()
