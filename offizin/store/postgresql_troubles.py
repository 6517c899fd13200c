"""What PostgreSQL's and asyncpg's errors mean for a transaction. By SQLSTATE (PostgreSQL's manual, appendix A)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

from offizin.errors import Unavailable

# Of these the connection is not to be used again: 08 connection exceptions, ended by an administrator, by a crash, not
# up yet, database dropped, idle for too long, and too long in a transaction (a process that was stopped, say).
_LOST = ("08", "57P01", "57P02", "57P03", "57P04", "57P05", "25P03", "25P04")

# Of these nothing is wrong with what was asked: out of some resource, waited too long for a lock, cancelled, deadlock,
# input or output failed, only a standby.
_NOT_NOW = ("53", "55P03", "57014", "40001", "40P01", "58", "25006")

_ADVICE = {
    "28": "Look at user and password in the database's URL, PGPASSWORD or the password file, and at pg_hba.conf.",
    "3D": "Make the database: createdb -O USER DATABASE.",
    "42501": "The user must own the database, or at least be allowed to make tables in it.",
    "53": "Look at the disk, the memory and max_connections of the database server.",
    "25006": "The URL names a standby; name the primary, or wait until it has been promoted.",
}
_REACH = "Look whether it runs and can be reached from here (pg_isready); work goes on by itself when it can."


def sqlstate(error: BaseException) -> str:
    """The SQLSTATE of the error or of one that it wraps, or ""."""
    for each in _chain(error):
        state = getattr(each, "sqlstate", None)
        if isinstance(state, str):
            return state
    return ""


def is_lost(error: BaseException) -> bool:
    """Whether the error says that the connection is gone."""
    if any(isinstance(each, (ConnectionError, TimeoutError)) for each in _chain(error)):
        return True
    return sqlstate(error).startswith(_LOST)


def is_not_now(error: BaseException) -> bool:
    """Whether the same may work later."""
    return is_lost(error) or sqlstate(error).startswith(_NOT_NOW)


def raise_said(error: BaseException, database: object, *, lost: bool = False) -> NoReturn:
    """Raises what a caller of the database is to get: Unavailable if the same may work later (as with a ``lost``
    connection), else the error as it is."""
    if isinstance(error, Unavailable) or not (lost or is_not_now(error)):
        raise error
    raise unavailable(error, database) from error


def unavailable(error: BaseException, database: object) -> Unavailable:
    """What to tell: ``database`` as it may be shown, the reason, and what to do."""
    state = sqlstate(error)
    advice = next((text for prefix, text in _ADVICE.items() if state.startswith(prefix)), _REACH)
    return Unavailable(f"the database {database} cannot be used now: {_reason(error)}", advice=advice)


def _reason(error: BaseException) -> str:
    deepest = list(_chain(error))[-1]
    if isinstance(deepest, TimeoutError):
        return "no answer"
    return str(deepest).strip().splitlines()[0] if str(deepest).strip() else type(deepest).__name__


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and those that SQLAlchemy wrapped into it."""
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        wrapped = getattr(following, "orig", None)
        following = wrapped if isinstance(wrapped, BaseException) else following.__cause__
