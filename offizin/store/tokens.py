"""Who may ask for what. Of the secrets only digests are kept."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import insert, select, update

from offizin.store.tables import tokens
from offizin.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Token:
    """Times in seconds since the epoch; ``digest`` is the SHA-256 of the secret, as hex."""

    seq: int
    name: str
    scope: str
    digest: str
    created_at: float
    expires_at: float | None
    revoked_at: float | None
    used_at: float | None

    def holds(self, now: float) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def add(tx: Transaction, name: str, scope: str, digest: str, now: float, expires_at: float | None = None) -> bool:
    """False where there is one of this name already, revoked or not: then nothing is changed."""
    if tx.execute(select(tokens.c.seq).where(tokens.c.name == name)).first() is not None:
        return False
    row = {"name": name, "scope": scope, "digest": digest, "created_at": now, "expires_at": expires_at}
    tx.execute(insert(tokens).values(row))
    return True


def everyone(tx: Transaction) -> list[Token]:
    """By name, also those that hold no more."""
    return [Token(*row) for row in tx.execute(select(tokens).order_by(tokens.c.name))]


def revoke(tx: Transaction, name: str, now: float) -> bool:
    """False where no token of this name holds."""
    statement = update(tokens).where(tokens.c.name == name, tokens.c.revoked_at.is_(None)).values(revoked_at=now)
    return tx.execute(statement).rowcount > 0


def used(tx: Transaction, seq: int, at: float) -> None:
    tx.execute(update(tokens).where(tokens.c.seq == seq).values(used_at=at))
