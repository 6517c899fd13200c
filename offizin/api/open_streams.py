"""Answers that go on for long: of events, and of logs that are followed. One client has so many at once."""

from __future__ import annotations

from collections import Counter

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from offizin.api.connections import client_of
from offizin.api.error_answers import error_body


class OpenStreams:
    """A middleware that refuses the one too many with 429."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _goes_on(scope):
            await self._app(scope, receive, send)
            return
        who = client_of(scope["client"][0] if scope.get("client") else "")
        if self._open[who] >= self._most:
            body = error_body(
                f"{self._most} streams of events and logs are open to one address",
                "too_many_streams",
                "End some; one stream of events tells of all runs.",
            )
            await JSONResponse(body, 429)(scope, receive, send)
            return
        self._open[who] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._open[who] -= 1
            if not self._open[who]:
                del self._open[who]


def _goes_on(scope: Scope) -> bool:
    path = scope["path"]
    return path == "/events" or (path.startswith("/processor/log/") and b"follow=" in scope["query_string"])
