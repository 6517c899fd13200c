"""From a server's answer back to the error it stands for, so that exit codes are the same near and far."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import msgspec

from offizin.errors import Conflict, InvalidRequest, NotFound, OffizinError, Unavailable


class _ErrorBody(msgspec.Struct, frozen=True):
    """``message`` stands in 422 answers of the reference."""

    detail: msgspec.Raw = msgspec.Raw(b'""')
    code: str = ""
    hint: str = ""
    message: msgspec.Raw = msgspec.Raw(b'""')


def error_from(response: httpx.Response, server: str) -> OffizinError:
    """The error that this answer stands for; its content must have been read. ``server`` names the server."""
    body = _body(response)
    message = _text(body.detail) or _text(body.message)
    if body.code in (known := _by_code()):
        return _made(known[body.code], message or response.reason_phrase, body.hint)
    return _by_status(response, message, server)


def unreachable(error: httpx.RequestError, server: str) -> Unavailable:
    """What a failure of the connection itself means to the user."""
    if isinstance(error, httpx.ConnectError) and "certificate" in str(error).lower():
        return Unavailable(
            f"the certificate of {server} is not trusted: {error}",
            advice="Name a PEM file with that of its authority in SSL_CERT_FILE.",
        )
    if isinstance(error, httpx.ConnectTimeout | httpx.ConnectError):
        return Unavailable(
            f"no server answers at {server}",
            advice="Start one with `offizin serve`, or check the address given with --server "
            "or in OCRD_NETWORK_SERVER_ADDR_PROCESSING.",
        )
    if isinstance(error, httpx.TimeoutException):
        return Unavailable(f"the server at {server} took too long to answer", advice="Look at it, and try again.")
    if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError):
        return Unavailable(f"{server} is no address of a server: {error}", advice="Write it as http://host:8000.")
    return Unavailable(f"the connection to {server} was lost: {error or type(error).__name__}", advice="Try again.")


def _body(response: httpx.Response) -> _ErrorBody:
    try:
        return msgspec.json.decode(response.content, type=_ErrorBody)
    except msgspec.DecodeError:
        return _ErrorBody()


def _text(value: msgspec.Raw) -> str:
    """A JSON string as it reads; anything else (the reference's lists of faults) as JSON."""
    decoded = msgspec.json.decode(value)
    return decoded if isinstance(decoded, str) else bytes(value).decode() if decoded else ""


def _by_status(response: httpx.Response, message: str, server: str) -> OffizinError:
    status = response.status_code
    said = f"{server} answered {status} {response.reason_phrase}" + (f": {message}" if message else "")
    if status in (401, 403, 407):
        return Unavailable(said, advice="Put user and password into the address: https://user:password@host.")
    if status in (404, 405):
        return NotFound(said, advice="Is an Offizin of this version running there?")
    if status == 409:
        return Conflict(said)
    if 400 <= status < 500:
        return InvalidRequest(said)
    if status in (502, 503, 504):
        return Unavailable(said, advice="Try again later; the server, or what stands before it, is not ready.")
    return OffizinError(said, advice="The server's own log says more.")


def _by_code() -> dict[str, type[OffizinError]]:
    """Those of the tree itself; what rooms derive from them for themselves is told as what it is derived from."""
    kinds = [kind for kind in _tree(OffizinError) if kind.__module__ == OffizinError.__module__]
    return {_made(kind, "", "").code: kind for kind in kinds}


def _tree(kind: type[OffizinError]) -> Iterator[type[OffizinError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _tree(below)


def _made(kind: type[OffizinError], message: str, advice: str) -> OffizinError:
    return kind(message, advice=advice)
