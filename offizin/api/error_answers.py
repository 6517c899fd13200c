"""Every error in one shape: ``{"detail": message, "code": snake_case name, "hint": advice}``.

Validation errors of requests carry the reference's three keys as well (ocrd_network/processing_server.py). What nobody
foresaw is logged with its trace and told as a plain sentence.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from offizin.api.described_methods import methods_at
from offizin.errors import OffizinError, OwnedElsewhere

log = logging.getLogger(__name__)

REFERENCE_VALIDATION_CODE = 10422
_SHOWN = 5
# Python's own name for it is not the same in all versions.
_CODES = {413: "body_too_long"}
_HINTS = {
    400: "Send a body of valid JSON, or a form with a file, as the route expects.",
    404: "GET /docs lists the routes.",
    405: "GET /docs lists the routes and their methods.",
    413: "Send less at once.",
}


def tell_errors(app: FastAPI) -> None:
    """Add the handlers to an application."""
    app.add_exception_handler(OwnedElsewhere, _leave_to_forwarding)
    app.add_exception_handler(OffizinError, _tell_ours)
    app.add_exception_handler(HTTPException, _tell_http)
    app.add_exception_handler(RequestValidationError, _tell_invalid)


def error_body(message: str, code: str, hint: str) -> dict[str, Any]:
    return {"detail": message, "code": code, "hint": hint}


async def _leave_to_forwarding(_request: Request, error: Exception) -> JSONResponse:
    raise error


async def _tell_ours(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, OffizinError)
    return JSONResponse(error_body(error.message, error.code, error.advice), error.http_status)


async def _tell_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    headers = error.headers
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        # The route that was found first names its own alone.
        headers = {"Allow": ", ".join(methods_at(request.app, request.url.path))}
    body = error_body(str(error.detail), _CODES.get(status, status.name.lower()), _HINTS.get(status, ""))
    return JSONResponse(body, status, headers=headers)


async def _tell_invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = [_describe(fault) for fault in error.errors()]
    more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
    message = "; ".join(faults[:_SHOWN]) + more
    body = error_body(message, "invalid_request", "GET /docs shows what this route takes.")
    return JSONResponse({"status_code": REFERENCE_VALIDATION_CODE, "message": message, "data": None, **body}, 422)


def _describe(fault: Mapping[str, Any]) -> str:
    """As in ``body: input_file_grps: Field required``."""
    if fault["type"] == "json_invalid" and "ctx" in fault:  # by FastAPI; others say it in their message
        return f"body: no valid JSON at character {fault['loc'][-1]}: {fault['ctx']['error']}"
    return ": ".join([*(str(part) for part in fault["loc"]), str(fault["msg"])])


class Unforeseen:
    """Answers 500 to what no handler knows. An answer that had begun is broken off, so that its reader notices."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def watching(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watching)
        except Exception:
            if begun:
                raise
            log.exception("%s %s failed", scope["method"], scope["path"])
            body = error_body(
                "something went wrong inside the server",
                "internal_server_error",
                "The server's log says more; please report it with that part of the log.",
            )
            await JSONResponse(body, 500)(scope, receive, send)
