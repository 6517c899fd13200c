"""Where METS clients come in: one socket, of TCP or of the file system, for as long as it is wanted."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any


class Listener:
    """Serves an ASGI application on a socket that listens. ``stop`` it in the end."""

    def __init__(self, application: Any, bound: socket.socket) -> None:
        import uvicorn  # only who listens needs it

        class Server(uvicorn.Server):
            @contextlib.contextmanager
            def capture_signals(self) -> Iterator[None]:
                """They are the process's own."""
                yield

        config = uvicorn.Config(
            application,
            interface="asgi3",
            http="httptools",
            ws="none",
            lifespan="off",
            proxy_headers=False,
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=False,
        )
        self._server = Server(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[bound]), name="METS server")

    @property
    def has_ended(self) -> bool:
        return self._serving.done()

    async def stop(self) -> None:
        """At once: who is just being answered is cut off."""
        self._server.should_exit = self._server.force_exit = True
        await asyncio.gather(self._serving, return_exceptions=True)

    async def finish(self) -> None:
        """Once those are answered who have asked."""
        self._server.should_exit = True
        await asyncio.gather(self._serving, return_exceptions=True)


def bound_on_loopback() -> socket.socket:
    """At any free port. Raises OSError."""
    return bound_at("127.0.0.1", 0)


def bound_at(host: str, port: int) -> socket.socket:
    """Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(128)
    except BaseException:
        bound.close()
        raise
    return bound
