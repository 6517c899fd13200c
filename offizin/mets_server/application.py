"""The METS server protocol as an ASGI application (https://asgi.readthedocs.io)."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from offizin.errors import OffizinError
from offizin.mets_server.protocol import Answer

log = logging.getLogger(__name__)

_MOST_BYTES = 1 << 20
_TOO_LONG = Answer(413, b'{"detail":"Content Too Large"}')
_FAULT = Answer(500, b'{"detail":"this is a fault of the server: its log tells more"}')


@dataclass(frozen=True, slots=True)
class Asked:
    """A request. ``headers``: names in lower case."""

    method: str
    path: str
    query: str
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def header(self, name: str) -> list[str]:
        return [value.decode("latin-1") for key, value in self.headers if key == name.encode()]


class MetsApplication:
    """``reply`` answers each request. What it raises under OffizinError is told as the reference tells errors."""

    def __init__(self, reply: Callable[[Asked], Awaitable[Answer]]) -> None:
        self._answer = reply

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        body = await _body(receive)
        if body is None:
            return
        reply = _TOO_LONG if len(body) > _MOST_BYTES else await self._reply(scope, body)
        headers = [
            (b"content-type", reply.media_type.encode()),
            (b"content-length", str(len(reply.body)).encode()),
        ]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})

    async def _reply(self, scope: MutableMapping[str, Any], body: bytes) -> Answer:
        query = scope["query_string"].decode("latin-1")
        try:
            return await self._answer(Asked(scope["method"], str(scope["path"]), query, list(scope["headers"]), body))
        except OffizinError as error:
            return Answer(error.http_status, json.dumps(error.message).encode())
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            return _FAULT


async def _body(receive: Any) -> bytes | None:
    """No more than is allowed, and a little; None if the client has gone."""
    body = bytearray()
    while len(body) <= _MOST_BYTES:
        event = await receive()
        if event["type"] == "http.disconnect":
            return None
        body += event.get("body", b"")
        if not event.get("more_body"):
            break
    return bytes(body)
