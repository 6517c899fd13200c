"""POST /tcp_mets: a request to the METS server of a workspace, wrapped in JSON, and its answer unwrapped.

Source: ocrd_network/tcp_to_uds_mets_proxy.py of `ocrd` 3.13.3. There a refused request is answered with 200 and
``{"error": …}``, which the reference's client takes for success; here the status says so, too. ``status`` is the METS
server's own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, RootModel

from offizin.api.error_answers import error_body
from offizin.errors import InvalidRequest
from offizin.mets_server.protocol import Answer, answer
from offizin.scheduling.mets_servers import MetsServers

_DATA = ("params", "form", "class")


class MetsRequest(BaseModel):
    """``request_data`` is empty, or has one of ``params`` (of the URL), ``form`` (fields) and ``class`` (JSON)."""

    workspace_path: Annotated[str, Field(min_length=1, max_length=4096, description="the workspace's directory")]
    method_type: Literal["GET", "POST", "PUT", "DELETE"]
    response_type: Literal["text", "class", "dict", "empty"]
    request_url: Annotated[str, Field(max_length=8192, description="what follows the URL of the METS server")]
    request_data: dict[str, Any] = Field(default_factory=dict)


class MetsAnswer(RootModel[dict[str, Any]]):
    """What the METS server answers: its JSON, ``{"text": …}``, or nothing, as ``response_type`` asks for."""


async def forward(
    servers: MetsServers, asked: MetsRequest, may_ask: Callable[[Path], None] = lambda _: None
) -> JSONResponse:
    """``may_ask`` gets the path of the METS, with links resolved, and may raise. Raises MetsMissing, PathForbidden,
    InvalidRequest, OwnedElsewhere."""
    query, body = _query_and_body(asked)
    mets = await servers.find(Path(asked.workspace_path))
    may_ask(mets.mets)
    path, _, more = asked.request_url.partition("?")
    said = await answer(mets, asked.method_type, path, "&".join(filter(None, (more, query))), body)
    return _unwrapped(asked, said)


def _query_and_body(asked: MetsRequest) -> tuple[str, bytes]:
    """As the `requests` library writes them."""
    data = asked.request_data
    if not data:
        return "", b""
    kind = next((kind for kind in _DATA if kind in data), None)
    if kind is None:
        raise InvalidRequest(
            f"request_data has none of {', '.join(_DATA)}", advice="Leave it empty where there is nothing to say."
        )
    if kind == "class":
        return "", json.dumps(data["class"]).encode()
    if not isinstance(data[kind], dict):
        raise InvalidRequest(f"request_data: {kind} is no object", advice="Give its fields by their names.")
    said = {name: value for name, value in data[kind].items() if value is not None}
    try:
        text = urlencode(said, doseq=True)
    except (TypeError, UnicodeEncodeError) as error:
        raise InvalidRequest(f"request_data: {kind} cannot be written: {error}", advice="Send plain text.") from error
    return (text, b"") if kind == "params" else ("", text.encode())


def _unwrapped(asked: MetsRequest, said: Answer) -> JSONResponse:
    if said.status >= 400:
        text = said.body.decode(errors="replace")
        advice = "The stock client takes it for an error of the METS server."
        body = error_body(_message(text), "mets_request_refused", advice)
        return JSONResponse({"error": text, "status": said.status, **body}, said.status if said.status >= 500 else 400)
    if asked.response_type == "empty":
        return JSONResponse({})
    if asked.response_type == "text":
        return JSONResponse({"text": said.body.decode(errors="replace")})
    if said.media_type != "application/json":
        raise InvalidRequest(
            f"{asked.method_type} {asked.request_url} is answered with text, not with JSON",
            advice='Ask with "response_type": "text".',
        )
    return _Ready(said.body)


class _Ready(JSONResponse):
    """JSON that is encoded already."""

    def render(self, content: Any) -> bytes:
        assert isinstance(content, bytes)
        return content


def _message(text: str) -> str:
    try:
        said = json.loads(text)
    except ValueError:
        return text
    return said if isinstance(said, str) else str(said.get("detail", text)) if isinstance(said, dict) else text
