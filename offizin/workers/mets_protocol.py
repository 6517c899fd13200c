"""The METS server protocol of the reference (ocrd/mets_server.py, ocrd 3.13.3): requests to answers. Pure.

    GET  /file ?file_grp file_id page_id mimetype local_filename url     POST /file   form of one file, and ``force``
    GET  /agent                                                          POST /agent  JSON of one agent
    GET  /physical_pages /file_groups /unique_identifier /workspace_path
    PUT  / (save)   DELETE / (stop)   POST /reload                       answered, but nothing is to be done

Answers have the reference's shapes. Where it fails with 500 and no JSON, ours say what is wrong as JSON, with 400; what
cannot be answered at all, with 501.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from offizin.errors import Conflict, InvalidRequest, OffizinError
from offizin.messages import File
from offizin.workers.attempt_mets import AttemptMets

_TRUE = frozenset({"1", "true", "t", "yes", "y", "on"})
_FALSE = frozenset({"0", "false", "f", "no", "n", "off"})


class Agent(msgspec.Struct):
    """OcrdAgentModel of the reference."""

    name: str
    type: str
    role: str
    otherrole: str | None
    othertype: str
    notes: list[tuple[dict[str, str], str | None]] | None


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    media_type: str = "application/json"


@dataclass(slots=True)
class Served:
    """What one URL serves: the METS of an attempt, and the agents that were added, which are kept for it alone (the
    agent of a step is the server's to write)."""

    mets: AttemptMets
    agents: list[Agent] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Request:
    query: dict[str, str]
    body: bytes


class _Unprocessable(Exception):
    """As FastAPI says of ``field`` of the form: ``kind`` and what is wrong with it."""

    def __init__(self, field: str, kind: str, message: str) -> None:
        super().__init__(message)
        self.detail = [{"type": kind, "loc": ["body", field], "msg": message, "input": None}]


def answer(served: Served, method: str, path: str, query: str, body: bytes) -> Answer:
    """``path`` is what follows the URL of the attempt, with or without a slash at its end."""
    path = "/" + path.strip("/")
    route = _ROUTES.get((method, path))
    if route is None:
        known = any(each == path for _, each in _ROUTES)
        return _json({"detail": "Method Not Allowed" if known else "Not Found"}, 405 if known else 404)
    try:
        return route(served, Request(dict(parse_qsl(query, keep_blank_values=True)), body))
    except _Unprocessable as error:
        return _json({"detail": error.detail}, 422)
    except re.error as error:
        return _json(f"invalid regex: {error}", 400)
    except (Conflict, InvalidRequest) as error:
        return _json(error.message, 400)
    except OffizinError as error:
        return _json(error.message, error.http_status)


def _find_files(served: Served, request: Request) -> Answer:
    names = ("file_grp", "file_id", "page_id", "mimetype", "local_filename", "url")
    given: dict[str, Any] = {name: request.query[name] for name in names if name in request.query}
    return _json({"files": [_shown(file) for file in served.mets.find_files(**given)]})


def _add_file(served: Served, request: Request) -> Answer:
    try:
        form = dict(parse_qsl(request.body.decode(), keep_blank_values=False))  # an empty field is none
    except UnicodeDecodeError:
        form = {}
    file = File(
        _required(form, "file_id"), _required(form, "file_grp"), _required(form, "mimetype"),
        form.get("page_id"), form.get("local_filename"), form.get("url"),
    )  # fmt: skip
    served.mets.add_file(file, force=_truth(form, "force"))
    return _json({**_shown(file), "url": file.url})


def _agents(served: Served, _: Request) -> Answer:
    return _json({"agents": [msgspec.to_builtins(agent) for agent in served.agents]})


def _add_agent(served: Served, request: Request) -> Answer:
    try:
        agent = msgspec.json.decode(request.body, type=Agent)
    except msgspec.DecodeError as error:
        raise _Unprocessable("agent", "model_attributes_type", str(error)) from None
    served.agents.append(agent)
    return _json(msgspec.to_builtins(agent))


def _says(text: Callable[[AttemptMets], str]) -> Callable[[Served, Request], Answer]:
    return lambda served, _: Answer(200, text(served.mets).encode(), "text/plain; charset=utf-8")


def _lists(name: str, values: Callable[[AttemptMets], list[str]]) -> Callable[[Served, Request], Answer]:
    return lambda served, _: _json({name: values(served.mets)})


_ROUTES: dict[tuple[str, str], Callable[[Served, Request], Answer]] = {
    ("GET", "/file"): _find_files,
    ("POST", "/file"): _add_file,
    ("GET", "/agent"): _agents,
    ("POST", "/agent"): _add_agent,
    ("GET", "/physical_pages"): _lists("physical_pages", lambda mets: mets.physical_pages),
    ("GET", "/file_groups"): _lists("file_groups", lambda mets: mets.file_groups),
    ("GET", "/unique_identifier"): _says(lambda mets: mets.unique_identifier or ""),
    ("GET", "/workspace_path"): _says(lambda mets: mets.directory),
    ("PUT", "/"): _says(lambda _: "The Mets Server is writing changes to disk."),
    ("DELETE", "/"): _says(lambda _: "The Mets Server will shut down soon..."),
    ("POST", "/reload"): _says(lambda mets: f"Reloaded from {mets.directory}"),
}


def _shown(file: File) -> dict[str, str | None]:
    return {
        "file_grp": file.file_grp,
        "file_id": file.id,
        "mimetype": file.mimetype,
        "page_id": file.page_id,
        "url": file.url or "",
        "local_filename": file.local_filename,
    }


def _required(form: dict[str, str], name: str) -> str:
    if name not in form:
        raise _Unprocessable(name, "missing", "Field required")
    return form[name]


def _truth(form: dict[str, str], name: str) -> bool:
    value = form.get(name, "false").lower()
    if value not in _TRUE | _FALSE:
        message = "Input should be a valid boolean, unable to interpret input"
        raise _Unprocessable(name, "bool_parsing", message)
    return value in _TRUE


def _json(content: object, status: int = 200) -> Answer:
    return Answer(status, json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode())
