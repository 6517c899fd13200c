"""How errors look in the description of the routes."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field

from offizin.errors import OffizinError, code_of


class ErrorAnswer(BaseModel):
    """The shape of every error. Errors of validation carry the reference's three keys as well."""

    detail: str = Field(description="What is wrong, and where.")
    code: str = Field(description="A stable name for programs.")
    hint: str = Field(description="What to do; may be empty.")
    status_code: int = Field(default=0, description="10422, as in the reference. Only in errors of validation.")
    message: str = Field(default="", description="The detail once more. Only in errors of validation.")
    data: None = Field(default=None, description="Only in errors of validation.")


def errors(*kinds: type[OffizinError]) -> dict[int | str, dict[str, Any]]:
    """What a route raises, for its ``responses=``. What every route may answer stands in ``description.py``."""
    codes: dict[int, list[str]] = {}
    for kind in kinds:
        codes.setdefault(kind.http_status, []).append(f"`{code_of(kind)}`")
    return {
        status: {"model": ErrorAnswer, "description": f"{HTTPStatus(status).phrase}: {', '.join(named)}"}
        for status, named in codes.items()
    }
