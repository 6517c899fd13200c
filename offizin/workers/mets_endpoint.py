"""Where programs that are no Python reach the METS of their attempt: HTTP on loopback, a URL for each attempt.

Whoever knows a URL may add to the attempt, so its path cannot be guessed, and it ends with the attempt.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
from collections.abc import Iterator
from typing import Any

from offizin.mets_server.application import MetsApplication
from offizin.mets_server.protocol import ServedMets
from offizin.workers.attempt_mets import AttemptMets, ServedAttempt


class MetsEndpoint:
    """One for all attempts of a worker. It begins to listen with the first of them; ``stop`` it in the end."""

    def __init__(self) -> None:
        self._attempts: dict[str, ServedMets] = {}
        self._address = ""
        self._server: Any = None
        self._serving: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()

    async def open(self, mets: AttemptMets) -> str:
        """The URL that answers for this METS until it is closed. Raises OSError when nothing can listen."""
        return await self.serve(ServedAttempt(mets))

    async def serve(self, mets: ServedMets) -> str:
        """As ``open``."""
        async with self._starting:
            if self._serving is None or self._serving.done():
                self._listen()
        name = secrets.token_hex(16)
        self._attempts[name] = mets
        return f"{self._address}/{name}"

    def close(self, url: str) -> None:
        """From now on nobody is there: what comes late is not taken."""
        self._attempts.pop(url.rpartition("/")[2], None)

    async def stop(self) -> None:
        self._attempts.clear()
        serving, self._serving = self._serving, None
        if serving is not None:
            self._server.should_exit = self._server.force_exit = True
            await asyncio.gather(serving, return_exceptions=True)

    def _listen(self) -> None:
        import uvicorn  # only a worker with such programs needs it

        class Server(uvicorn.Server):
            @contextlib.contextmanager
            def capture_signals(self) -> Iterator[None]:
                """They are the worker's own."""
                yield

        bound = socket.socket()
        try:
            bound.bind(("127.0.0.1", 0))
            bound.listen(128)
        except BaseException:
            bound.close()
            raise
        config = uvicorn.Config(
            MetsApplication(self._find),
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
        self._address = f"http://127.0.0.1:{bound.getsockname()[1]}"
        self._serving = asyncio.create_task(self._server.serve(sockets=[bound]), name="METS endpoint")

    def _find(self, path: str) -> tuple[ServedMets | None, str]:
        name, _, rest = path.removeprefix("/").partition("/")
        return self._attempts.get(name), rest
