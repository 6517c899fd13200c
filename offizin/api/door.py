"""Who may come in: every request is looked at here before anything else sees it."""

from __future__ import annotations

import logging
import shlex
from functools import lru_cache

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from offizin.access import scopes
from offizin.access.credentials import CHALLENGES, read_credentials
from offizin.access.hosts import Hosts, is_address
from offizin.access.signatures import SCHEME
from offizin.access.tokens import Holder, Tokens
from offizin.api.current import running
from offizin.api.error_answers import error_body
from offizin.errors import NotAllowed, OffizinError, TokenNeeded
from offizin.settings import Settings
from offizin.trust.addresses import is_loopback
from offizin.trust.one_line import one_line

log = logging.getLogger(__name__)

# In the scope of a request: the name of the token that it came with.
ASKER = "offizin.asker"


_HEADERS = frozenset({b"host", b"origin", b"sec-fetch-site", b"sec-fetch-mode", b"authorization"})


class Door:
    """Host and Origin are looked at always, a token is asked for where other machines reach the server."""

    def __init__(self, app: ASGIApp, settings: Settings, hosts: Hosts) -> None:
        self._app = app
        self._settings = settings
        self._hosts = hosts
        self._alone = is_loopback(settings.host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            holder = await self._admitted(scope)
        except OffizinError as error:
            log.warning("%s %s of %s refused: %s", scope["method"], _shown(scope), _client(scope), error)
            await _refusal(error)(scope, receive, send)
            return
        if holder is None:
            await self._app(scope, receive, send)
            return
        scope[ASKER] = holder.name

        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                level = logging.DEBUG if scope["method"] == "GET" else logging.INFO
                log.log(
                    level,
                    "%s %s by %s: %d",
                    scope["method"],
                    _shown(scope),
                    one_line(holder.name, 100),
                    message["status"],
                )
            await send(message)

        await self._app(scope, receive, telling)

    async def _admitted(self, scope: Scope) -> Holder | None:
        """Who asks; None where nobody needs to say so. Raises NotAllowed, TokenNeeded, Unavailable."""
        method, path, sent = scope["method"], scope["path"], _looked_at(scope)
        first = {name: values[0] for name, values in sent.items()}
        self._hosts.check(
            method, sent.get(b"host", ()), sent.get(b"origin", ()),
            first.get(b"sec-fetch-site", ""), first.get(b"sec-fetch-mode", ""),
        )  # fmt: skip
        if scopes.is_open(path) or not self._asks_for_token(scope):
            return None
        offizin = running(scope["app"])
        authorization = first.get(b"authorization", "")
        if authorization.startswith(SCHEME):
            return offizin.keys.signatures.asker(method, target_of(scope), authorization)
        given = read_credentials(authorization)
        holder = await offizin.keys.tokens.holder(given.secret, given.name)
        needed = scopes.needed(method, path)
        if not scopes.allows(holder.scope, needed):
            raise NotAllowed(
                f"the token {holder.name} has the scope {holder.scope}; "
                f"this needs {' or '.join(sorted(needed, reverse=True))}",
                advice="Ask with another token; `offizin token create NAME --scope …` makes one.",
            )
        return holder

    def _asks_for_token(self, scope: Scope) -> bool:
        """Unix sockets are guarded by the rights of their files, and have no port."""
        settings = self._settings
        host, port = scope.get("server") or ("", None)
        if settings.no_auth or port is None:
            return False
        return settings.require_token or not self._alone or _is_outward(host)


@lru_cache(100)
def _is_outward(host: str) -> bool:
    """Whether other machines may have come in there."""
    return is_address(host) and not is_loopback(host)


def _looked_at(scope: Scope) -> dict[bytes, list[str]]:
    """The headers that matter here, in one go: this is on the way of every request."""
    found: dict[bytes, list[str]] = {}
    for name, value in scope["headers"]:
        if name in _HEADERS:
            found.setdefault(name, []).append(value.decode("latin-1"))
    return found


def target_of(scope: Scope) -> str:
    """Path and query as they came."""
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope["query_string"]
    return (path + b"?" + query if query else path).decode("latin-1")


async def tell_who_may_ask(settings: Settings, tokens: Tokens) -> None:
    """In the log, when a server starts."""
    alone = is_loopback(settings.host)
    if settings.no_auth:
        if not alone:
            log.warning("Whoever reaches this address may do everything here (no_auth). Do you mean that?")
    elif alone and not settings.require_token:
        log.info("Whoever is on this machine may ask; nobody else reaches the server.")
    else:
        log.info("Requests need a token (docs/security.md).")
        if not await tokens.exist():
            home = shlex.quote(str(settings.home))
            log.warning("There is none yet. To make one: offizin token create NAME --scope run --home %s", home)


def _refusal(error: OffizinError) -> JSONResponse:
    answer = JSONResponse(error_body(error.message, error.code, error.advice), error.http_status)
    if isinstance(error, TokenNeeded):
        for challenge in CHALLENGES:
            MutableHeaders(raw=answer.raw_headers).append("www-authenticate", challenge)
    return answer


def _shown(scope: Scope) -> str:
    """The path as it can stand in a log: in one line, and without what is a right by itself."""
    first, *rest = scope["path"].removeprefix("/").split("/")
    path = "/tcp_mets/…" if first == "tcp_mets" and rest else scope["path"]
    return one_line(path, 500)


def _client(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else "this process"
