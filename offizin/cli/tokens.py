"""Making, listing and revoking tokens."""

from __future__ import annotations

import re

import msgspec
from rich.table import Table

from offizin.cli.connection import Place, clock, connect
from offizin.cli.terminal import result_console
from offizin.cli.wording import moment, safe
from offizin.client import Token
from offizin.errors import InvalidRequest

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


async def create_token(place: Place, name: str, scope: str, expires: str | None, *, as_json: bool) -> int:
    """Raises Conflict for a name that is taken, InvalidRequest for a time that is none."""
    expires_in = None if expires is None else seconds_in(expires)
    async with connect(place, clock()) as connection:
        made = await connection.client.create_token(name, scope, expires_in)
    if as_json:
        print(msgspec.json.encode(made).decode())
        return 0
    until = f"until {moment(made.expires_at)}" if made.expires_at else "until it is revoked"
    print(f"Token {made.name} ({made.scope}) holds {until}. Its secret, which is not shown again:")
    print(made.secret)
    return 0


async def list_tokens(place: Place, *, as_json: bool) -> int:
    async with connect(place, clock()) as connection:
        found = await connection.client.tokens()
    if as_json:
        print(msgspec.json.encode(found).decode())
    elif found:
        result_console().print(_table(found, clock().now()))
    else:
        print("No tokens. To make one: offizin token create NAME --scope run")
    return 0


async def revoke_token(place: Place, name: str) -> int:
    """Raises NotFound and Conflict."""
    async with connect(place, clock()) as connection:
        await connection.client.revoke_token(name)
    print(f"Token {name} holds no more.")
    return 0


def seconds_in(text: str) -> float:
    """From ``90d``, ``12h``, ``30m``, ``45s``, ``2w``. Raises InvalidRequest."""
    match = re.fullmatch(r"([0-9]{1,6}) ?([smhdw])", text)
    if match is None or not int(match[1]):
        raise InvalidRequest(f"{text!r} is no time", advice="Write it as 90d, 12h or 30m.")
    return float(int(match[1]) * _SECONDS[match[2]])


def _table(tokens: list[Token], now: float) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    # Whole, however narrow the terminal is: it is what a token is revoked by.
    table.add_column("name", no_wrap=True, min_width=max(len(safe(token.name)) for token in tokens))
    for heading in ("scope", "made", "holds", "used last"):
        table.add_column(heading, no_wrap=True)
    for token in tokens:
        table.add_row(
            safe(token.name),
            token.scope,
            moment(token.created_at),
            _holds(token, now),
            moment(token.used_at) or "never",
        )
    return table


def _holds(token: Token, now: float) -> str:
    if token.revoked_at is not None:
        return f"no: revoked {moment(token.revoked_at)}"
    if token.expires_at is None:
        return "until it is revoked"
    return f"{'until' if token.expires_at > now else 'no: expired'} {moment(token.expires_at)}"
