"""What all servers on this database sign with. Each secret is made once, by whoever needs it first."""

from __future__ import annotations

from sqlalchemy import select

from offizin.store import dialects
from offizin.store.tables import secrets
from offizin.store.transaction import Transaction


def find_or_add(tx: Transaction, name: str, new: str) -> str:
    """The secret of this name: ``new`` where there was none."""
    statement = dialects.insert_unless_there(tx.dialect.name, secrets, ["name"])
    tx.execute(statement.values(name=name, value=new))
    return str(tx.execute(select(secrets.c.value).where(secrets.c.name == name)).scalar_one())
