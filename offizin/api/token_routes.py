"""Our own routes of tokens: who may ask for what."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from offizin.access.scopes import Scope
from offizin.api.current import CurrentOffizin
from offizin.api.error_model import errors
from offizin.errors import Conflict, InvalidRequest, NotFound
from offizin.store.tokens import Token

router = APIRouter(tags=["admin"])

# A hundred years.
LONGEST = 100 * 366 * 86400.0


class NewToken(BaseModel):
    """``expires_in``: seconds; without it the token never expires."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=64, examples=["reading-room"])
    scope: Scope = Field(examples=["run"])
    expires_in: Annotated[float, Field(gt=0, le=LONGEST, allow_inf_nan=False)] | None = None


class TokenSummary(BaseModel):
    """Times in seconds since the epoch. ``used_at`` is true to the minute."""

    name: str
    scope: Scope
    created_at: float
    expires_at: float | None
    revoked_at: float | None
    used_at: float | None


class CreatedToken(TokenSummary):
    """``secret`` is shown this once."""

    secret: str


class TokenList(BaseModel):
    tokens: list[TokenSummary]


@router.get("/tokens", responses=errors())
async def tokens(offizin: CurrentOffizin) -> TokenList:
    """All tokens without their secrets, also those that hold no more."""
    return TokenList(tokens=[TokenSummary(**_shown(token)) for token in await offizin.keys.tokens.everyone()])


@router.post("/tokens", status_code=201, responses=errors(InvalidRequest, Conflict))
async def create_token(offizin: CurrentOffizin, new: NewToken) -> CreatedToken:
    """Make a token. Its secret is in the answer and can be seen nowhere else."""
    token, secret = await offizin.keys.tokens.create(new.name, new.scope, new.expires_in)
    return CreatedToken(**_shown(token), secret=secret)


@router.delete("/tokens/{name}", status_code=204, responses=errors(NotFound, Conflict))
async def revoke_token(offizin: CurrentOffizin, name: str) -> None:
    """From now on it holds no more; on other servers after some seconds."""
    await offizin.keys.tokens.revoke(name)


def _shown(token: Token) -> dict[str, object]:
    return {
        "name": token.name, "scope": token.scope, "created_at": token.created_at, "expires_at": token.expires_at,
        "revoked_at": token.revoked_at, "used_at": token.used_at,
    }  # fmt: skip
