"""uvicorn as we run it: on a socket bound beforehand, with streams that end when the server is to end."""

from __future__ import annotations

import gc
import resource
import socket
from collections.abc import Callable
from functools import partial
from types import FrameType

import uvicorn
from fastapi import FastAPI

from offizin.api.connections import BoundedConnection, Bounds
from offizin.api.tls import Tls
from offizin.errors import Unavailable

# Answers that are under way may take so long when the server is to end, in seconds.
GRACE = 10


class Serving(uvicorn.Server):
    """``listening`` is called once requests are taken, ``stopping`` when the server begins to end."""

    def __init__(
        self,
        app: FastAPI,
        bounds: Bounds,
        *,
        listening: Callable[[], None],
        stopping: Callable[[], None],
        tls: Tls | None = None,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=partial(BoundedConnection, bounds),  # type: ignore[arg-type]  # it is called as the class is
                ws="none",
                lifespan="off",  # its caller has entered it
                log_config=None,
                access_log=False,
                server_header=False,
                limit_concurrency=_most_connections(),
                timeout_graceful_shutdown=GRACE,
                proxy_headers=False,  # who asks is not believed to be somebody else
                ssl_certfile=None if tls is None else tls.certificate,
                ssl_keyfile=None if tls is None else tls.key,
            )
        )
        self._listening = listening
        self._stopping = stopping

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What is loaded by now stays; walking it again and again would hold up requests.
        gc.collect()
        gc.freeze()
        self._listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stopping()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal ends gracefully, and the process ends well; the second one does not wait for answers."""
        if self.should_exit:
            self.force_exit = True
        self.should_exit = True


def _most_connections() -> int:
    """Half of the files that this process may open: the rest is for runners, the database and METS."""
    return max(64, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)


def bind(host: str, port: int) -> socket.socket:
    """A socket that does not listen yet. ``port`` 0 takes any free one. Raises Unavailable."""
    try:
        [(family, kind, protocol, _, address), *_] = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        bound = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise Unavailable(f"{host} is no address of this machine: {error}", advice="Name another address.") from error
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise Unavailable(
            f"the server cannot listen at {host}:{port}: {error.strerror}",
            advice="Another program may listen there already; name another port with --address, as in 127.0.0.1:8001.",
        ) from error
    return bound


def url_for_others(bound: socket.socket, scheme: str = "http") -> str:
    """Where the server can be reached from other machines, to judge by what it listens at."""
    host, port = bound.getsockname()[:2]
    return f"{scheme}://{socket.getfqdn()}:{port}" if host in ("0.0.0.0", "::") else url_of(bound, scheme)


def url_of(bound: socket.socket, scheme: str = "http") -> str:
    """Where the server can be reached from this machine."""
    host, port = bound.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
