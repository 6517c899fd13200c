"""How a server is asked, and its answers are read."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx
import msgspec

from offizin.client.faults import error_from, unreachable
from offizin.errors import Unavailable

T = TypeVar("T")

UNIX = "unix:"
# Validation of a big workflow, or the save before an answer, may take a while; a connection may not.
PATIENCE = httpx.Timeout(120.0, connect=10.0)
# Between two parts of a stream any time may pass.
STREAM_PATIENCE = httpx.Timeout(120.0, connect=10.0, read=None)


class Asking:
    """``async with`` it. Raises the error that the server answered with, and Unavailable when none answers. See
    ``Client``."""

    def __init__(
        self,
        url: str,
        *,
        token: str = "",
        certificate: Path | None = None,
        timeout: httpx.Timeout = PATIENCE,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        socket = url.removeprefix(UNIX) if url.startswith(UNIX) else None
        transport = httpx.AsyncHTTPTransport(uds=socket) if socket else transport
        try:
            self._http = httpx.AsyncClient(
                base_url="http://offizin" if socket else url, transport=transport, timeout=timeout,
                headers={"Authorization": f"Bearer {token}"} if token else None,
                verify=True if certificate is None else _only(certificate),
            )  # fmt: skip
        except (httpx.InvalidURL, ValueError) as error:
            raise Unavailable(f"{url} is no address: {error}", advice="Write it as http://host:8000.") from error
        self.server = url if socket else str(self._http.base_url.copy_with(username=None, password=None)).rstrip("/")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def _ask(self, method: str, path: str, answer: type[T], **request: Any) -> T:
        try:
            response = await self._http.request(method, path, **request)
        except httpx.RequestError as error:
            raise unreachable(error, self.server) from error
        if not response.is_success:
            raise error_from(response, self.server)
        return self._decode(response.content, answer)

    @asynccontextmanager
    async def _stream(
        self, path: str, parameters: Mapping[str, str | int], accept: str = "*/*"
    ) -> AsyncIterator[httpx.Response]:
        """Faults of the connection, also while parts are read, become Unavailable."""
        try:
            async with self._http.stream(
                "GET", path, params=dict(parameters), headers={"Accept": accept}, timeout=STREAM_PATIENCE
            ) as response:
                if not response.is_success:
                    await response.aread()
                    raise error_from(response, self.server)
                yield response
        except httpx.RequestError as error:
            raise unreachable(error, self.server) from error

    def _decode(self, content: bytes, answer: type[T]) -> T:
        try:
            return msgspec.json.decode(content or b"null", type=answer)
        except msgspec.DecodeError as error:
            raise Unavailable(
                f"{self.server} gives an answer that is not understood: {error}",
                advice="Is it an Offizin of this version?",
            ) from error


def _only(certificate: Path) -> ssl.SSLContext:
    """Whatever names and authority it names: the file is trusted."""
    context = ssl.create_default_context(cafile=str(certificate))
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
