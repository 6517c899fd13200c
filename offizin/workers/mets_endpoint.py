"""Where programs that are no Python reach the METS of their attempt: HTTP on loopback, a URL for each attempt.

Whoever knows a URL may add to the attempt, so its path cannot be guessed, and it ends with the attempt.
"""

from __future__ import annotations

import asyncio
import secrets

from offizin.mets_server.application import Asked, MetsApplication
from offizin.mets_server.listener import Listener, bound_on_loopback
from offizin.mets_server.protocol import Answer, ServedMets, answer
from offizin.workers.attempt_mets import AttemptMets, ServedAttempt

_NOBODY = Answer(404, b'{"detail":"there is no such attempt, or it is over"}')


class MetsEndpoint:
    """One for all attempts of a worker. It begins to listen with the first of them; ``stop`` it in the end."""

    def __init__(self) -> None:
        self._attempts: dict[str, ServedMets] = {}
        self._address = ""
        self._listener: Listener | None = None
        self._starting = asyncio.Lock()

    async def open(self, mets: AttemptMets) -> str:
        """The URL that answers for this METS until it is closed. Raises OSError when nothing can listen."""
        return await self.serve(ServedAttempt(mets))

    async def serve(self, mets: ServedMets) -> str:
        """As ``open``."""
        async with self._starting:
            if self._listener is None or self._listener.has_ended:
                bound = bound_on_loopback()
                self._address = f"http://127.0.0.1:{bound.getsockname()[1]}"
                self._listener = Listener(MetsApplication(self._reply), bound)
        name = secrets.token_hex(16)
        self._attempts[name] = mets
        return f"{self._address}/{name}"

    def close(self, url: str) -> None:
        """From now on nobody is there: what comes late is not taken."""
        self._attempts.pop(url.rpartition("/")[2], None)

    async def stop(self) -> None:
        self._attempts.clear()
        listener, self._listener = self._listener, None
        if listener is not None:
            await listener.stop()

    async def _reply(self, asked: Asked) -> Answer:
        name, _, path = asked.path.removeprefix("/").partition("/")
        served = self._attempts.get(name)
        if served is None:
            return _NOBODY
        return await answer(served, asked.method, path, asked.query, asked.body)
