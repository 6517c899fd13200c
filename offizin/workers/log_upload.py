"""Parts of logs on their way to a server over HTTP: what is too long for a queue."""

from __future__ import annotations

import math
from typing import Self

import httpx

from offizin.clock import Clock
from offizin.errors import Unavailable
from offizin.messages import LogPart

PATIENCE = httpx.Timeout(20.0, connect=5.0)
# Before another try when the server does not answer, in seconds: it may be starting.
PAUSES = (0.3, 2.0)
# After those, it is not tried for so long: results wait for logs.
REST = 30.0


class LogUpload:
    """``server`` is its URL, which may hold a token as password; ``token`` is sent where it holds none. Raises
    Unavailable when that is no URL. ``transport`` stands in for the network."""

    def __init__(
        self, server: str, clock: Clock, transport: httpx.AsyncBaseTransport | None = None, *, token: str = ""
    ) -> None:
        try:
            url = httpx.URL(server)
            headers = {"Authorization": f"Bearer {token}"} if token else None
            self._http = httpx.AsyncClient(base_url=url, timeout=PATIENCE, transport=transport, headers=headers)
        except (httpx.InvalidURL, ValueError) as error:
            raise Unavailable(f"{server} is no address: {error}", advice="Write it as http://host:8000.") from error
        if url.scheme not in ("http", "https") or not url.host:
            raise Unavailable(f"{server} is no address of a server", advice="Write it as http://host:8000.")
        self._clock = clock
        self._rest_until = -math.inf

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def send(self, part: LogPart) -> None:
        """Returns when the server has it; once more is the same as once. Raises Unavailable."""
        if self._clock.monotonic() < self._rest_until:
            raise Unavailable("the server did not answer a moment ago")
        for pause in (*PAUSES, None):
            try:
                answer = await self._http.put(
                    f"/processor/job/{part.job}/log",
                    params={"attempt": part.attempt, "piece": part.piece, "offset": part.offset},
                    content=part.content,
                    headers={"Content-Type": "application/octet-stream"},
                )
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                said = f"{type(error).__name__}: {error}"
            else:
                if answer.is_success:
                    return
                said = f"{answer.status_code} {answer.text[:200]}"
                if answer.status_code < 500:
                    raise Unavailable(f"the server does not take a part of the log of job {part.job}: {said}")
            if pause is not None:
                await self._clock.sleep(pause)
        self._rest_until = self._clock.monotonic() + REST
        raise Unavailable(f"the server does not answer: {said}", advice="Is its URL right (offizin worker --server)?")
