"""Connections that are bounded: how many one client has, how long its request may take to arrive, how long its head is.

uvicorn waits for a request as long as its client likes. Below it nothing else would notice, so this is its protocol
(``uvicorn.protocols.http.httptools_impl``) with a watch on it. Behind a proxy, the proxy is the client.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Bytes of the first line and the headers; ten thousand pages by their ids in a query have some 150,000.
MOST_HEAD = 512 * 1024


def client_of(address: str) -> str:
    """What counts as one client: an IPv4 address, or the half of an IPv6 address that a provider gives one customer."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    return str(parsed.ipv4_mapped) if parsed.ipv4_mapped else f"{int(parsed) >> 64:x}::/64"


@dataclass(frozen=True, slots=True)
class Bounds:
    """``connections``: at once from one client; ``pause``: seconds in which a head must be whole, and between two parts
    of a body. ``open`` counts the connections."""

    connections: int
    pause: float
    open: Counter[str] = field(default_factory=Counter)


class BoundedConnection(HttpToolsProtocol):
    """Refuses a connection too many with 429, a head too long with 431, and closes what does not go on with 408."""

    def __init__(self, bounds: Bounds, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._bounds = bounds
        self._who = ""
        self._refused = False
        self._in_head = True  # also before it begins
        self._in_body = False
        self._head = 0  # bytes
        self._heard = 0.0
        self._watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the base has it
        super().connection_made(transport)
        self._who = client_of(self.client[0] if self.client else "")
        self._bounds.open[self._who] += 1
        if self._bounds.open[self._who] > self._bounds.connections:
            self._refuse(429, "too_many_connections", "too many connections are open from one address")
            return
        self._heard = self.loop.time()
        self._watch = self.loop.call_later(self._bounds.pause, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        self._bounds.open[self._who] -= 1
        if not self._bounds.open[self._who]:
            del self._bounds.open[self._who]
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        if self._in_body:
            self._heard = self.loop.time()
        else:
            self._head += len(data)
        super().data_received(data)
        if self._in_head and self._head > MOST_HEAD:
            self._refuse(431, "head_too_long", f"the head of the request is longer than {MOST_HEAD // 1024} KiB")
        elif self._watch is None and (self._in_head or self._in_body):
            self._watch = self.loop.call_later(self._bounds.pause, self._look)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._heard = True, self.loop.time()

    def on_headers_complete(self) -> None:
        self._in_head, self._in_body, self._head, self._heard = False, True, 0, self.loop.time()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_body = False
        super().on_message_complete()

    def _look(self) -> None:
        self._watch = None
        if not (self._in_head or self._in_body) or self._refused:
            return
        left = self._heard + self._bounds.pause - self.loop.time()
        if self._in_body and self.flow.read_paused:
            left = self._bounds.pause  # it is we who do not go on
        if left > 0:
            self._watch = self.loop.call_later(left, self._look)
        else:
            self._refuse(408, "request_too_slow", f"nothing came for {self._bounds.pause:g} seconds")

    def _refuse(self, status: int, code: str, message: str) -> None:
        self._refused = True
        hint = "Ask less at once, or in one go; who runs the server can change the setting."
        body = json.dumps({"detail": message, "code": code, "hint": hint}).encode()
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
            self.transport.write(f"{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body)
        self.transport.close()
