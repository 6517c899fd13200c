"""What servers have started on machines, so that exactly that can be ended, also after a crash."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update

from offizin.store import dialects
from offizin.store.tables import deployed
from offizin.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class DeployedRow:
    """``identity`` and ``details`` are JSON; what is in them is known to ``offizin.deployment`` alone."""

    seq: int
    host: str
    kind: str
    name: str
    identity: str
    details: str
    deployed_at: float


def of_server(tx: Transaction, server: int) -> list[DeployedRow]:
    """In the order in which they were started."""
    columns = [column for column in deployed.c if column.name != "server"]
    query = select(*columns).where(deployed.c.server == server).order_by(deployed.c.seq)
    return [DeployedRow(*row) for row in tx.execute(query)]


def add(
    tx: Transaction, server: int, *, host: str, kind: str, name: str, identity: str, details: str, now: float
) -> int:
    """The number of the new row."""
    values = {"server": server, "host": host, "kind": kind, "name": name, "identity": identity, "details": details}
    return dialects.inserted_number(tx, insert(deployed).values(**values, deployed_at=now))


def identify(tx: Transaction, seq: int, identity: str, details: str) -> None:
    tx.execute(update(deployed).where(deployed.c.seq == seq).values(identity=identity, details=details))


def remove(tx: Transaction, seq: int) -> None:
    tx.execute(delete(deployed).where(deployed.c.seq == seq))
