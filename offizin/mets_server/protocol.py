"""The METS server protocol of the reference (ocrd/mets_server.py, ocrd 3.13.3): requests to answers.

    GET  /file ?file_grp file_id page_id mimetype local_filename url     POST /file   form of one file, and ``force``
    GET  /agent                                                          POST /agent  JSON of one agent
    GET  /physical_pages /file_groups /unique_identifier /workspace_path
    PUT  / (save)   DELETE / (stop)   POST /reload

Answers have the reference's shapes. Where it fails with 500 and no JSON, ours say what is wrong as JSON, with 400; what
cannot be answered at all, with 501.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qsl

import msgspec

from offizin.errors import Conflict, InvalidRequest, OffizinError, OwnedElsewhere
from offizin.messages import File
from offizin.mets_server.looking_up import FileQuery
from offizin.trust.patterns import PatternInvalid

# So many files are written as JSON in a thread.
_MANY = 1000

_TRUE = frozenset({"1", "true", "t", "yes", "y", "on"})
_FALSE = frozenset({"0", "false", "f", "no", "n", "off"})


# An attribute of notes, as lxml names it.
OPTION = "{https://ocr-d.de}option"


class Agent(msgspec.Struct, frozen=True):
    """OcrdAgentModel of the reference."""

    name: str
    type: str
    role: str
    otherrole: str | None
    othertype: str
    notes: list[tuple[dict[str, str], str | None]] | None


def as_listed(agent: Agent) -> Agent:
    """As it comes back when it was added: the attributes of its notes are in a namespace then."""
    notes = agent.notes or []
    return msgspec.structs.replace(
        agent,
        notes=[({f"{{https://ocr-d.de}}{name}": value for name, value in note.items()}, text) for note, text in notes],
    )


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    media_type: str = "application/json"


class ServedMets(Protocol):
    """What answers. ``directory`` is the workspace. Its methods raise the errors under OffizinError."""

    @property
    def directory(self) -> str: ...

    async def physical_pages(self) -> list[str]: ...

    async def file_groups(self) -> list[str]: ...

    async def unique_identifier(self) -> str: ...

    async def find_files(self, query: FileQuery) -> list[File]:
        """Raises PatternInvalid, too."""

    async def add_file(self, file: File, *, force: bool) -> None: ...

    async def agents(self) -> list[Agent]: ...

    async def add_agent(self, agent: Agent) -> None: ...

    async def save(self) -> None: ...

    async def reload(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Request:
    query: dict[str, str]
    body: bytes


class _Unprocessable(Exception):
    """As FastAPI says of ``field`` of the form: ``kind`` and what is wrong with it."""

    def __init__(self, field: str, kind: str, message: str) -> None:
        super().__init__(message)
        self.detail = [{"type": kind, "loc": ["body", field], "msg": message, "input": None}]


async def answer(mets: ServedMets, method: str, path: str, query: str, body: bytes) -> Answer:
    """``path`` is what follows the URL of what is served, with or without a slash at its end. Raises OwnedElsewhere."""
    path = "/" + path.strip("/")
    route = _ROUTES.get((method, path))
    if route is None:
        known = any(each == path for _, each in _ROUTES)
        return _json({"detail": "Method Not Allowed" if known else "Not Found"}, 405 if known else 404)
    try:
        return await route(mets, Request(dict(parse_qsl(query, keep_blank_values=True)), body))
    except _Unprocessable as error:
        return _json({"detail": error.detail}, 422)
    except PatternInvalid as error:
        return _json(f"invalid regex: {error}", 400)
    except (Conflict, InvalidRequest) as error:
        return _json(error.message, 400)
    except OwnedElsewhere:
        raise
    except OffizinError as error:
        return _json(error.message, error.http_status)


async def _find_files(mets: ServedMets, request: Request) -> Answer:
    names = ("file_grp", "file_id", "page_id", "mimetype", "local_filename", "url")
    query = FileQuery(**{name: request.query[name] for name in names if name in request.query})
    found = await mets.find_files(query)
    return await asyncio.to_thread(_list, found) if len(found) > _MANY else _list(found)


async def _add_file(mets: ServedMets, request: Request) -> Answer:
    try:
        form = dict(parse_qsl(request.body.decode(), keep_blank_values=False))  # an empty field is none
    except (UnicodeDecodeError, ValueError):
        form = {}
    file = File(
        _required(form, "file_id"), _required(form, "file_grp"), _required(form, "mimetype"),
        form.get("page_id"), form.get("local_filename"), form.get("url"),
    )  # fmt: skip
    await mets.add_file(file, force=_truth(form, "force"))
    return _json({**_shown(file), "url": file.url})


async def _agents(mets: ServedMets, _: Request) -> Answer:
    return _json({"agents": [msgspec.to_builtins(agent) for agent in await mets.agents()]})


async def _add_agent(mets: ServedMets, request: Request) -> Answer:
    try:
        agent = msgspec.json.decode(request.body, type=Agent)
    except msgspec.DecodeError as error:
        raise _Unprocessable("agent", "model_attributes_type", str(error)) from None
    await mets.add_agent(agent)
    return _json(msgspec.to_builtins(agent))


async def _physical_pages(mets: ServedMets, _: Request) -> Answer:
    return _json({"physical_pages": await mets.physical_pages()})


async def _file_groups(mets: ServedMets, _: Request) -> Answer:
    return _json({"file_groups": await mets.file_groups()})


async def _unique_identifier(mets: ServedMets, _: Request) -> Answer:
    return _text(await mets.unique_identifier())


async def _workspace_path(mets: ServedMets, _: Request) -> Answer:
    return _text(mets.directory)


async def _save(mets: ServedMets, _: Request) -> Answer:
    await mets.save()
    return _text("The Mets Server is writing changes to disk.")


async def _stop(mets: ServedMets, _: Request) -> Answer:
    """Others may need it still: it is only saved, as the reference does before it ends."""
    await mets.save()
    return _text("The Mets Server will shut down soon...")


async def _reload(mets: ServedMets, _: Request) -> Answer:
    await mets.reload()
    return _text(f"Reloaded from {mets.directory}")


_ROUTES: dict[tuple[str, str], Callable[[ServedMets, Request], Awaitable[Answer]]] = {
    ("GET", "/file"): _find_files,
    ("POST", "/file"): _add_file,
    ("GET", "/agent"): _agents,
    ("POST", "/agent"): _add_agent,
    ("GET", "/physical_pages"): _physical_pages,
    ("GET", "/file_groups"): _file_groups,
    ("GET", "/unique_identifier"): _unique_identifier,
    ("GET", "/workspace_path"): _workspace_path,
    ("PUT", "/"): _save,
    ("DELETE", "/"): _stop,
    ("POST", "/reload"): _reload,
}


def _list(files: list[File]) -> Answer:
    """Part by part: an encoder lets no other thread run meanwhile."""
    some = (files[start : start + _MANY] for start in range(0, len(files), _MANY))
    parts = [msgspec.json.encode([_shown(file) for file in part])[1:-1] for part in some]
    return Answer(200, b'{"files":[' + b",".join(parts) + b"]}")


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


def _text(text: str) -> Answer:
    return Answer(200, text.encode(), "text/plain; charset=utf-8")
