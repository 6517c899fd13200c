"""The servers that share a database: who they are, and signs of life.

A row stays for good, as its name does; the incarnation in it says which process may act for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import insert, select, update

from offizin.store import dialects
from offizin.store.tables import servers, writers
from offizin.store.transaction import Transaction

# The beat of a server that has ended in good order: nobody needs to wait for its lease.
LEFT = 0


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """``seq`` stands in the rows of what the server owns, ``name`` in what goes to other processes. ``incarnation``
    grows when the server starts, and when another one takes its work over: then its old process is fenced off."""

    seq: int
    name: str
    incarnation: int


@dataclass(frozen=True, slots=True)
class ServerRow:
    """``address`` is the URL at which others reach it, empty when there is none; ``beat`` counts up while it lives.
    ``heir`` is the server that has taken its work over, until it starts again."""

    seq: int
    name: str
    incarnation: int
    address: str
    beat: int
    started_at: float
    heir: int | None = None

    @property
    def identity(self) -> ServerIdentity:
        return ServerIdentity(self.seq, self.name, self.incarnation)

    @property
    def has_left(self) -> bool:
        return self.beat == LEFT


_columns = [
    servers.c.seq, servers.c.name, servers.c.incarnation, servers.c.address, servers.c.beat, servers.c.started_at,
    servers.c.heir,
]  # fmt: skip


def enter(tx: Transaction, name: str, address: str, now: float, *, alone: bool, writer: str = "") -> ServerRow:
    """A server starts, with a new incarnation; an earlier process of it can write no more. On a database that it has
    ``alone`` it is the server that was there before, whatever its name was. ``writer`` as in ``Database``."""
    query = select(*_columns).order_by(servers.c.seq).limit(1)
    found = tx.execute(query if alone else query.where(servers.c.name == name)).one_or_none()
    if found is None:
        new = {"name": name, "incarnation": 1, "address": address, "beat": 1, "started_at": now, "writer": writer}
        return ServerRow(dialects.inserted_number(tx, insert(servers).values(new)), name, 1, address, 1, now)
    row = ServerRow(found.seq, name, found.incarnation + 1, address, found.beat + 1, now)
    _stop_writer(tx, row.seq)
    tx.execute(
        update(servers)
        .where(servers.c.seq == row.seq)
        .values(
            name=name,
            incarnation=row.incarnation,
            address=address,
            beat=row.beat,
            started_at=now,
            heir=None,
            writer=writer,
        )
    )  # fmt: skip
    return row


def leave(tx: Transaction, server: ServerIdentity) -> None:
    """It ends in good order; what it has left others may take over at once."""
    tx.execute(update(servers).where(*_itself(server)).values(beat=LEFT))


def beat(tx: Transaction, server: ServerIdentity) -> bool:
    """A sign of life. False when somebody else acts for the server now."""
    return bool(tx.execute(update(servers).where(*_itself(server)).values(beat=servers.c.beat + 1)).rowcount)


def listens_at(tx: Transaction, server: ServerIdentity, address: str) -> None:
    tx.execute(update(servers).where(*_itself(server)).values(address=address))


def fence(tx: Transaction, dead: ServerRow, heir: ServerIdentity) -> ServerRow | None:
    """``heir`` takes the work over, if the server has shown no life since ``dead`` was read, and nobody else was
    quicker: its incarnation moves on, and its process can write no more. The row as it is then, None if that was not
    so."""
    unchanged = (*_itself(dead.identity), servers.c.beat == dead.beat, servers.c.heir.is_not_distinct_from(dead.heir))
    fenced = replace(dead, incarnation=dead.incarnation + 1, beat=LEFT, heir=heir.seq)
    values = {"incarnation": fenced.incarnation, "beat": fenced.beat, "heir": fenced.heir}
    if not tx.execute(update(servers).where(*unchanged).values(values)).rowcount:
        return None
    _stop_writer(tx, dead.seq)
    return fenced


def take_heirlooms(tx: Transaction, dead: ServerRow, heir: ServerIdentity) -> None:
    """``heir`` is the heir now of all whose heir was ``dead``: what is still said to them is for it."""
    tx.execute(update(servers).where(servers.c.heir == dead.seq).values(heir=heir.seq))


def all_of_them(tx: Transaction) -> list[ServerRow]:
    return [ServerRow(*row) for row in tx.execute(select(*_columns).order_by(servers.c.seq))]


def by_seq(tx: Transaction, seq: int) -> ServerRow | None:
    found = tx.execute(select(*_columns).where(servers.c.seq == seq)).one_or_none()
    return None if found is None else ServerRow(*found)


def _stop_writer(tx: Transaction, server: int) -> None:
    """See store.postgresql_writer."""
    writer = select(servers.c.writer).where(servers.c.seq == server).scalar_subquery()
    tx.execute(update(writers).where(writers.c.name == writer).values(transactions=-1))


def _itself(server: ServerIdentity) -> tuple[Any, ...]:
    return servers.c.seq == server.seq, servers.c.incarnation == server.incarnation
