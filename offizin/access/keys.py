"""What a server lets others in by: tokens, capabilities, and signatures, with the secrets that they rest on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from offizin.access import capabilities, signatures
from offizin.access.capabilities import Capabilities
from offizin.access.random_text import random_text
from offizin.access.scopes import Scope
from offizin.access.signatures import Signatures
from offizin.access.tokens import PREFIX, Holder, Tokens
from offizin.clock import Clock
from offizin.store import secrets
from offizin.store.transaction import Database


@dataclass(frozen=True, slots=True)
class Keys:
    """``local_token`` is for commands on the server's home, and a new one at each start."""

    tokens: Tokens
    capabilities: Capabilities
    signatures: Signatures
    local_token: str = field(repr=False)

    @classmethod
    async def open(cls, database: Database, clock: Clock) -> Self:
        """With the secrets that all servers on this database have. Raises Unavailable."""
        keys = cls(
            Tokens(database, clock),
            Capabilities(await _secret(database, clock, capabilities.SECRET)),
            Signatures(await _secret(database, clock, signatures.SECRET), clock),
            PREFIX + random_text(clock),
        )
        keys.tokens.stands(keys.signatures.worker_token, signatures.WORKERS)
        keys.tokens.stands(keys.local_token, Holder("this machine", Scope.ADMIN))
        return keys


async def _secret(database: Database, clock: Clock, name: str) -> str:
    new = random_text(clock)
    return await database.write(lambda tx: secrets.find_or_add(tx, name, new), synced=True)
