"""The tokens of a server: made, revoked, and known again without asking the database for each request."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from dataclasses import dataclass

from offizin.access.random_text import random_text
from offizin.access.scopes import Scope
from offizin.background import Background
from offizin.clock import Clock
from offizin.errors import Conflict, InvalidRequest, NotFound, OffizinError, TokenNeeded
from offizin.store import tokens
from offizin.store.tokens import Token
from offizin.store.transaction import Database

log = logging.getLogger(__name__)

# What all secrets begin with, so that they are found where they do not belong.
PREFIX = "offizin_"
# So long, in seconds, what was read of the database is believed: a token that is revoked on another server holds for as
# long. A secret that is not known is looked for again at most so often.
BELIEVED = 3.0
LOOKED_FOR_AGAIN = 0.2
# Seconds between two notes that a token was used.
NOTED_EVERY = 60.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")

ADVICE = (
    "Send `Authorization: Bearer SECRET`, or http://NAME:SECRET@HOST:PORT as the address; commands take the secret "
    "from OFFIZIN_TOKEN, too. `offizin token create NAME --scope run` on the server's machine makes one."
)


@dataclass(frozen=True, slots=True)
class Holder:
    """Who asks, by the name of the token."""

    name: str
    scope: Scope


class Tokens:
    """``standing`` are secrets that stand in no table: of the server's own commands, and of workers that servers
    start."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._standing: dict[str, Holder] = {}
        self._by_digest: dict[str, Token] = {}
        self._read_at = -BELIEVED
        self._reading = asyncio.Lock()
        self._noted: dict[int, float] = {}
        self._noting = Background()

    def stands(self, secret: str, holder: Holder) -> None:
        """This secret holds for as long as the server lives."""
        self._standing[digest_of(secret)] = holder

    async def create(self, name: str, scope: Scope, expires_in: float | None) -> tuple[Token, str]:
        """The token and its secret, which is known nowhere else; ``expires_in`` seconds, None for never.

        Raises InvalidRequest for a name that cannot be one, Conflict for one that is taken.
        """
        if not _NAME.fullmatch(name):
            raise InvalidRequest(
                f"{name!r} cannot be the name of a token",
                advice="Use up to 64 letters, digits and . _ @ + - of ASCII, a letter or digit first.",
            )
        secret, now = PREFIX + random_text(self._clock), self._clock.now()
        expires_at = None if expires_in is None else now + expires_in
        digest = digest_of(secret)
        if not await self._database.write(lambda tx: tokens.add(tx, name, scope, digest, now, expires_at), synced=True):
            raise Conflict(
                f"there is a token {name} already",
                advice="Take another name; those of revoked tokens are not given again, so that logs stay clear.",
            )
        await self._read()
        return self._by_digest[digest], secret

    async def revoke(self, name: str) -> None:
        """Raises NotFound, Conflict. Other servers hold to the token for some seconds more."""
        now = self._clock.now()
        if not await self._database.write(lambda tx: tokens.revoke(tx, name, now), synced=True):
            if not any(token.name == name for token in await self.everyone()):
                raise NotFound(f"there is no token {name}", advice="`offizin token list` shows those that there are.")
            raise Conflict(f"the token {name} is revoked already", advice="Nothing is left to be done.")
        await self._read()

    async def everyone(self) -> list[Token]:
        return await self._database.read(tokens.everyone)

    async def exist(self) -> bool:
        """Whether any holds."""
        now = self._clock.now()
        return any(token.holds(now) for token in await self.everyone())

    async def holder(self, secret: str, name: str | None = None) -> Holder:
        """Whose secret this is. ``name``: what it must be called. Raises TokenNeeded; Unavailable when the database
        cannot be asked."""
        digest = digest_of(secret)
        found = self._standing.get(digest) or await self._from_table(digest)
        if name is not None and name != found.name:
            raise TokenNeeded("the token has another name", advice=ADVICE)
        return found

    async def stop(self) -> None:
        await self._noting.finish()

    async def _from_table(self, digest: str) -> Holder:
        age = self._clock.monotonic() - self._read_at
        if age > BELIEVED or (digest not in self._by_digest and age > LOOKED_FOR_AGAIN):
            await self._read(not_older_than=self._clock.monotonic())
        token, now = self._by_digest.get(digest), self._clock.now()
        if token is None:
            raise TokenNeeded("the token is not known", advice=ADVICE)
        if not token.holds(now):
            why = "has expired" if token.revoked_at is None else "was revoked"
            raise TokenNeeded(f"the token {token.name} {why}", advice=ADVICE)
        self._note(token, now)
        return Holder(token.name, Scope(token.scope))

    async def _read(self, not_older_than: float | None = None) -> None:
        """Many who ask at once are answered by one look."""
        async with self._reading:
            if not_older_than is not None and self._read_at >= not_older_than:
                return
            asked_at = self._clock.monotonic()
            self._by_digest = {token.digest: token for token in await self.everyone()}
            self._read_at = asked_at

    def _note(self, token: Token, now: float) -> None:
        """Nobody waits for it, and it may be lost."""
        if now - max(self._noted.get(token.seq, 0.0), token.used_at or 0.0) < NOTED_EVERY:
            return
        self._noted[token.seq] = now
        self._noting.spawn(self._write_note(token.seq, now))

    async def _write_note(self, seq: int, now: float) -> None:
        try:
            await self._database.write(lambda tx: tokens.used(tx, seq, now))
        except OffizinError as error:
            log.debug("the use of a token is not noted: %s", error)


def digest_of(secret: str) -> str:
    """Secrets are random, so they need no slow digest."""
    return hashlib.sha256(secret.encode(errors="surrogateescape")).hexdigest()
