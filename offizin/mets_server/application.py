"""The METS server protocol as an ASGI application (https://asgi.readthedocs.io)."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, MutableMapping
from typing import Any

from offizin.errors import OwnedElsewhere
from offizin.mets_server.protocol import Answer, ServedMets, answer

log = logging.getLogger(__name__)

_MOST_BYTES = 1 << 20
_TOO_LONG = Answer(413, b'{"detail":"Content Too Large"}')
_NOBODY = Answer(404, b'{"detail":"there is no such attempt, or it is over"}')
_FAULT = Answer(500, b'{"detail":"this is a fault of the server: its log tells more"}')


class MetsApplication:
    """``find`` gets the path of a request: what answers it (None: nobody does), and the rest of the path."""

    def __init__(self, find: Callable[[str], tuple[ServedMets | None, str]]) -> None:
        self._find = find

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        reply = await self._reply(scope, receive)
        if reply is None:
            return
        headers = [
            (b"content-type", reply.media_type.encode()),
            (b"content-length", str(len(reply.body)).encode()),
        ]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})

    async def _reply(self, scope: MutableMapping[str, Any], receive: Any) -> Answer | None:
        """None: the client has gone."""
        if self._find(str(scope["path"]))[0] is None:
            return _NOBODY
        body = bytearray()
        while True:
            event = await receive()
            if event["type"] == "http.disconnect":
                return None
            body += event.get("body", b"")
            if len(body) > _MOST_BYTES:
                return _TOO_LONG
            if not event.get("more_body"):
                break
        served, path = self._find(str(scope["path"]))
        if served is None:  # it ended meanwhile
            return _NOBODY
        try:
            return await answer(served, scope["method"], path, scope["query_string"].decode("latin-1"), bytes(body))
        except OwnedElsewhere as error:
            return Answer(error.http_status, json.dumps(error.message).encode())
        except Exception:
            log.exception("a METS request in %s failed", served.directory)
            return _FAULT
