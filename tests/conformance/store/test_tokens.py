"""Tokens: made, known again, revoked, and when they were used."""

from __future__ import annotations

import asyncio

import pytest

from offizin.access.scopes import Scope
from offizin.access.tokens import BELIEVED, NOTED_EVERY, Holder, Tokens
from offizin.clock import SystemClock
from offizin.errors import Conflict, InvalidRequest, NotFound, TokenNeeded
from offizin.store.transaction import Database


class SteppedClock(SystemClock):
    """Goes on when it is told to."""

    def __init__(self) -> None:
        self.at = 1000.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def tokens(database: Database, clock: SteppedClock) -> Tokens:
    return Tokens(database, clock)


async def test_a_token_is_known_by_its_secret_alone(tokens: Tokens) -> None:
    token, secret = await tokens.create("me", Scope.RUN, None)
    assert await tokens.holder(secret) == Holder("me", Scope.RUN)
    assert await tokens.holder(secret, "me") == Holder("me", Scope.RUN)
    with pytest.raises(TokenNeeded, match="another name"):
        await tokens.holder(secret, "you")
    for wrong in ("", "offizin_", token.digest, secret[:-1], "\udcff"):
        with pytest.raises(TokenNeeded, match="not known"):
            await tokens.holder(wrong)
    assert secret not in repr(await tokens.everyone())


async def test_a_name_is_given_once(tokens: Tokens) -> None:
    await tokens.create("me", Scope.RUN, None)
    await tokens.revoke("me")
    with pytest.raises(Conflict):
        await tokens.create("me", Scope.READ, None)
    for wrong in ("", "a b", "ü", "-a", "a:b", "x" * 65, "a\n"):
        with pytest.raises(InvalidRequest):
            await tokens.create(wrong, Scope.READ, None)


async def test_a_token_expires(tokens: Tokens, clock: SteppedClock) -> None:
    _, secret = await tokens.create("me", Scope.RUN, 10)
    assert await tokens.exist()
    clock.at += 9.9
    await tokens.holder(secret)
    clock.at += 0.2
    with pytest.raises(TokenNeeded, match="the token me has expired"):
        await tokens.holder(secret)
    assert not await tokens.exist()


async def test_a_token_is_revoked_at_once_here_and_soon_on_other_servers(
    tokens: Tokens, database: Database, clock: SteppedClock
) -> None:
    other = Tokens(database, clock)
    _, secret = await tokens.create("me", Scope.RUN, None)
    await other.holder(secret)
    await tokens.revoke("me")
    with pytest.raises(TokenNeeded, match="was revoked"):
        await tokens.holder(secret)
    clock.at += BELIEVED + 0.1
    with pytest.raises(TokenNeeded, match="was revoked"):
        await other.holder(secret)
    with pytest.raises(Conflict):
        await tokens.revoke("me")
    with pytest.raises(NotFound):
        await tokens.revoke("you")


async def test_a_token_of_another_server_is_looked_for(tokens: Tokens, database: Database, clock: SteppedClock) -> None:
    other = Tokens(database, clock)
    await other.create("first", Scope.RUN, None)
    _, secret = await tokens.create("second", Scope.RUN, None)
    clock.at += 0.5
    assert (await other.holder(secret)).name == "second"


async def test_wrong_secrets_do_not_ask_the_database_each_time(tokens: Tokens, database: Database) -> None:
    await tokens.create("me", Scope.RUN, None)
    asked = 0
    read = database.read

    async def counting(work):  # type: ignore[no-untyped-def]
        nonlocal asked
        asked += 1
        return await read(work)

    database.read = counting  # type: ignore[method-assign]
    for number in range(50):
        with pytest.raises(TokenNeeded):
            await tokens.holder(f"wrong {number}")
    assert asked == 0


async def test_its_use_is_noted_once_a_minute(tokens: Tokens, clock: SteppedClock) -> None:
    async def used_at() -> float | None:
        await tokens.stop()
        (token,) = await tokens.everyone()
        return token.used_at

    _, secret = await tokens.create("me", Scope.RUN, None)
    assert await used_at() is None
    await asyncio.gather(*(tokens.holder(secret) for _ in range(10)))
    assert await used_at() == 1000.0
    clock.at += NOTED_EVERY - 1
    await tokens.holder(secret)
    assert await used_at() == 1000.0
    clock.at += 2
    await tokens.holder(secret)
    assert await used_at() == clock.at


async def test_secrets_of_the_server_itself_stand_in_no_table(tokens: Tokens) -> None:
    tokens.stands("secret", Holder("workers", Scope.WORKER))
    assert await tokens.holder("secret") == Holder("workers", Scope.WORKER)
    assert await tokens.everyone() == []
