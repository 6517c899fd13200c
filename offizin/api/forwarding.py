"""Requests that only another server can carry out are sent on to it, and its answer is passed on.

Which server that is, is found out where the request is carried out: OwnedElsewhere says so, after nothing has been
written yet. Who asks was let in here, so this server signs for it (access/signatures.py).
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Iterable

import httpx
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from offizin.api.current import running
from offizin.api.door import ASKER, target_of
from offizin.api.error_answers import error_body
from offizin.api.uploads import is_upload
from offizin.errors import OwnedElsewhere

log = logging.getLogger(__name__)

# Set on what is sent on: it is not sent on once more.
FORWARDED = "x-offizin-forwarded"
CONNECT_LIMIT = 5.0  # seconds
ANSWER_LIMIT = 120.0
# Of one connection each (RFC 9110, section 7.6.1), or made anew.
_NOT_PASSED_ON = {
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"te", b"trailer",
    b"transfer-encoding", b"upgrade", b"host", b"content-length", b"expect", b"origin", b"authorization",
    b"sec-fetch-site", b"sec-fetch-mode",
}  # fmt: skip
_NOT_PASSED_BACK = _NOT_PASSED_ON - {b"content-length"} | {b"date"}


class Forwarding:
    """Bodies are bounded by a middleware before this one, so they are kept until it is known that they are not needed
    again."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = bytearray()

        async def keeping() -> Message:
            message = await receive()
            if is_upload(scope):  # never sent on: whoever gets it keeps the workspace
                return message
            body.extend(message.get("body", b""))
            return message

        try:
            await self._app(scope, keeping, send)
        except OwnedElsewhere as error:
            if FORWARDED in Headers(scope=scope):
                await _tell(error.message, error, "Its owner changes just now: ask again.")(scope, receive, send)
            elif not error.address:
                await _tell(error.message, error, error.advice)(scope, receive, send)
            else:
                await _forward(error, bytes(body), scope, receive, send)


async def _forward(error: OwnedElsewhere, body: bytes, scope: Scope, receive: Receive, send: Send) -> None:
    target = target_of(scope)
    url = f"{error.address.rstrip('/')}{target}"
    signed = running(scope["app"]).keys.signatures.sign(scope["method"], target, scope.get(ASKER, ""))
    headers = [
        *_passing(scope["headers"], _NOT_PASSED_ON), (FORWARDED.encode(), b"1"), (b"authorization", signed.encode()),
    ]  # fmt: skip
    # What is read may go on for as long as a log is followed.
    limits = httpx.Timeout(ANSWER_LIMIT, connect=CONNECT_LIMIT, read=None if scope["method"] == "GET" else ANSWER_LIMIT)
    async with httpx.AsyncClient(timeout=limits, trust_env=False, verify=_trusted(url)) as client:
        request = client.build_request(scope["method"], url, headers=headers, content=body)
        try:
            answer = await client.send(request, stream=True)
        except httpx.HTTPError as trouble:
            log.warning("%s %s cannot be sent on to %s: %r", scope["method"], scope["path"], error.address, trouble)
            await _unreachable(error, trouble)(scope, receive, send)
            return
        try:
            response = StreamingResponse(_chunks(answer, running(scope["app"]).stopping), answer.status_code)
            response.raw_headers = _passing(answer.headers.raw, _NOT_PASSED_BACK)
            await response(scope, receive, send)
        finally:
            await answer.aclose()


async def _chunks(answer: httpx.Response, stopping: asyncio.Event) -> AsyncIterator[bytes]:
    """Until the other server is through, or this one is to end."""
    chunks = answer.aiter_raw()
    end = asyncio.ensure_future(stopping.wait())
    following = asyncio.ensure_future(anext(chunks, None))
    try:
        while True:
            await asyncio.wait({following, end}, return_when=asyncio.FIRST_COMPLETED)
            if not following.done() or (chunk := following.result()) is None:
                return
            yield chunk
            following = asyncio.ensure_future(anext(chunks, None))
    finally:
        end.cancel()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


def _trusted(url: str) -> ssl.SSLContext | bool:
    """Authorities as the machine has them, or SSL_CERT_FILE names."""
    return ssl.create_default_context() if url.startswith("https:") else False


def _passing(headers: Iterable[tuple[bytes, bytes]], without: set[bytes]) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in headers if name.lower() not in without]


def _unreachable(error: OwnedElsewhere, trouble: httpx.HTTPError) -> JSONResponse:
    if isinstance(trouble, httpx.ConnectError | httpx.ConnectTimeout):
        what = "cannot be reached; nothing was done"
        advice = "Ask again in a moment: if that server is gone, another one takes its work over."
    else:
        what = "gave no answer; whether it has done it is not known"
        advice = "Look first whether it has been done (GET /workflow/jobs), then ask again."
    return _tell(f"{error.message}, which {what}", error, advice)


def _tell(message: str, error: OwnedElsewhere, advice: str) -> JSONResponse:
    return JSONResponse(error_body(message, error.code, advice), error.http_status)
