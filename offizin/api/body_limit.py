"""Bodies that are too long are refused before they fill the memory. Uploads have a limit of their own."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from offizin.api.uploads import is_upload

# A workflow of a thousand steps has some 100 KiB.
MOST_BODY = 16 * 1024 * 1024


class BodyLimit:
    """Reading the body raises an HTTPException of status 413 as soon as it is known to be too long."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or is_upload(scope):
            await self._app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "")
        announced = int(length[:19]) if length.isascii() and length.isdigit() else 0
        read = 0

        async def reading() -> Message:
            nonlocal read
            if announced > MOST_BODY:
                raise _too_long()
            message = await receive()
            read += len(message.get("body", b""))
            if read > MOST_BODY:
                raise _too_long()
            return message

        await self._app(scope, reading, send)


def _too_long() -> HTTPException:
    return HTTPException(413, f"the body is longer than {MOST_BODY // 1024 // 1024} MiB")
