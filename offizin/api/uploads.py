"""Bodies that go straight into files, however long they are: a part of them is in memory at a time.

They pass by the limit of other bodies, and by forwarding, which keeps what it may have to send on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect, Request
from starlette.types import Scope

from offizin.api.form_into_files import Form, FormIntoFiles
from offizin.errors import Interrupted, InvalidRequest, TooLarge, WorkspaceInvalid
from offizin.workspaces.incoming import not_written

FORM = "multipart/form-data"
ZIPS = frozenset({"application/vnd.ocrd+zip", "application/zip", "application/x-zip-compressed"})
# What programs say of a body when they know nothing of it.
UNSAID = frozenset({"", "application/octet-stream"})
_AT_ONCE = 1024 * 1024  # bytes
_MOST_JSON = 64 * 1024


def is_upload(scope: Scope) -> bool:
    """Whether the route reads the body in this way."""
    path, method = str(scope["path"]), scope["method"]
    return (method == "POST" and path == "/workspace") or (method == "PUT" and path.startswith("/workspace/"))


def media_type(request: Request) -> str:
    """Of the body, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def into_file(request: Request, file: Path, most: int) -> None:
    """The whole body. Raises TooLarge (``most`` bytes), Interrupted, Unavailable."""
    try:
        with file.open("xb", buffering=0) as opened:
            await _pour(request, opened.write, most)
    except OSError as error:
        raise not_written(error) from error


async def into_form(request: Request, directory: Path, most: int) -> Form:
    """A form, whose files come into ``directory``. Raises InvalidRequest, TooLarge, Interrupted, Unavailable."""
    _, options = parse_options_header(request.headers["content-type"])
    boundary = options.get(b"boundary")
    if not boundary:
        raise InvalidRequest("the form has no boundary in its Content-Type", advice="Let your HTTP client make it.")
    try:
        with FormIntoFiles(boundary, directory) as form:
            await _pour(request, form.take, most)
            return form.taken()
    except FormParserError as fault:
        raise WorkspaceInvalid(f"the body is no form: {fault}", advice="Let your HTTP client make the form.") from fault
    except OSError as error:
        raise not_written(error) from error


async def whole(request: Request) -> bytes:
    """A short body. Raises TooLarge, Interrupted."""
    parts: list[bytes] = []
    await _pour(request, parts.append, _MOST_JSON)
    return b"".join(parts)


async def _pour(request: Request, take: Callable[[bytes], object], most: int) -> None:
    """``take`` runs in a thread, with some of the body at a time."""
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length[:19]) > most:
        raise _too_large(most)
    read = 0
    waiting = bytearray()
    try:
        async for part in request.stream():
            read += len(part)
            if read > most:
                raise _too_large(most)
            waiting += part
            if len(waiting) >= _AT_ONCE:
                await asyncio.to_thread(take, bytes(waiting))
                waiting.clear()
    except ClientDisconnect as fault:
        raise Interrupted("the upload broke off; nothing of it is kept", advice="Send it again.") from fault
    if waiting:
        await asyncio.to_thread(take, bytes(waiting))


def _too_large(most: int) -> TooLarge:
    return TooLarge(
        f"the body has more than {most} bytes", advice="The setting upload_limit says how much the server takes."
    )
