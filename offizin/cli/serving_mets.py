"""A METS server at a socket or a port, each of whose requests a server of Offizin answers."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import click

from offizin.access.hosts import Hosts
from offizin.cli.connection import Place, clock, connect
from offizin.cli.interruption import interruption
from offizin.cli.options import mets_file
from offizin.client import Client
from offizin.errors import Conflict, InvalidRequest
from offizin.mets_server.application import Asked, MetsApplication
from offizin.mets_server.listener import Listener, bound_at
from offizin.mets_server.protocol import Answer
from offizin.mets_server.socket_path import bound_socket, socket_path
from offizin.settings import split_address
from offizin.trust.addresses import is_loopback


async def serve_mets(place: Place, mets: Path, path: Path | None, address: str | None) -> int:
    """Until the user or a METS client ends it; then mets.xml is saved. Raises MetsMissing, Conflict, InvalidRequest,
    and what ``connect`` does."""
    workspace = str(await asyncio.to_thread(mets_file(mets).resolve))
    with interruption(lambda: None) as asked:
        async with connect(place, clock()) as connection:
            stopped = asyncio.Event()
            forwarding = ForwardedMets(connection.client, workspace, Hosts(()) if address else None, stopped.set)
            await forwarding.ask("GET", "workspace_path", "", b"")
            bound, name = _bound_port(address) if address else await asyncio.to_thread(_bound_socket, workspace, path)
            listener = Listener(MetsApplication(forwarding.reply), bound)
            try:
                click.echo(name)
                click.echo(f"This is the METS server of {workspace}; Ctrl-C ends it.", err=True)
                await _first(asked.wait(), stopped.wait())
                await listener.finish()
                saved = await forwarding.ask("PUT", "", "", b"")
                if saved.status != 200:
                    raise Conflict(f"mets.xml is not saved: {saved.body.decode(errors='replace')}")
            finally:
                await listener.stop()
                if not address:
                    with suppress(OSError):
                        await asyncio.to_thread(Path(name).unlink)
    return 0


async def _first(*waiting: Coroutine[Any, Any, object]) -> None:
    tasks = [asyncio.create_task(each) for each in waiting]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


class ForwardedMets:
    """Asks the server by POST /tcp_mets. ``hosts``: who may ask at a port, which web pages reach, too. ``stopped`` is
    called when a client has asked to end it."""

    def __init__(self, client: Client, workspace: str, hosts: Hosts | None, stopped: Callable[[], None]) -> None:
        self._client = client
        self._workspace = workspace
        self._hosts = hosts
        self._stopped = stopped

    async def reply(self, asked: Asked) -> Answer:
        """Raises NotAllowed, Unavailable."""
        if self._hosts is not None:
            site, mode = asked.header("sec-fetch-site"), asked.header("sec-fetch-mode")
            self._hosts.check(
                asked.method, asked.header("host"), asked.header("origin"), "".join(site), "".join(mode)
            )  # fmt: skip
        path = asked.path.strip("/")
        answer = await self.ask(asked.method, path, asked.query, asked.body)
        if asked.method == "DELETE" and not path and answer.status == 200:
            self._stopped()
        return answer

    async def ask(self, method: str, path: str, query: str, body: bytes) -> Answer:
        """Raises MetsMissing, PathForbidden, Unavailable."""
        request = {
            "workspace_path": self._workspace,
            "method_type": method,
            "response_type": "text" if (method, path) in _TEXTS else "class",
            "request_url": f"{path}?{query}" if query else path,
            "request_data": _data(path, body),
        }
        if method not in ("GET", "POST", "PUT", "DELETE"):
            return Answer(405, b'{"detail":"Method Not Allowed"}')
        said = await self._client.ask_mets_server(request)
        if "error" in said:
            return Answer(int(said.get("status", 400)), str(said["error"]).encode())
        if (method, path) in _TEXTS:
            return Answer(200, str(said["text"]).encode(), "text/plain; charset=utf-8")
        return Answer(200, json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode())


_TEXTS = {("PUT", ""), ("DELETE", ""), ("POST", "reload"), ("GET", "unique_identifier"), ("GET", "workspace_path")}


def _data(path: str, body: bytes) -> dict[str, Any]:
    """A form, or JSON. What is neither is sent so that the server refuses it as the reference does."""
    if not body:
        return {}
    if path == "agent":
        try:
            return {"class": json.loads(body)}
        except ValueError:
            return {"class": None}
    try:
        return {"form": dict(parse_qsl(body.decode()))}
    except ValueError:
        return {}


def _bound_port(address: str) -> tuple[socket.socket, str]:
    given = split_address(address)
    host, port = given["host"] or "127.0.0.1", int(given["port"] or 0)
    if not is_loopback(host):
        raise InvalidRequest(
            f"{host} is not loopback: whoever reaches it could write into the workspace",
            advice="Programs elsewhere use /tcp_mets of a server, with a token.",
        )
    try:
        bound = bound_at("127.0.0.1" if host == "localhost" else host, port)
    except OSError as error:
        raise InvalidRequest(f"nothing can listen at {address}: {error.strerror}") from error
    name = f"[{host}]" if ":" in host else host
    return bound, f"http://{name}:{bound.getsockname()[1]}"


def _bound_socket(workspace: str, path: Path | None) -> tuple[socket.socket, str]:
    found = path.absolute() if path else socket_path(str(Path(workspace).parent), os.environ)
    return bound_socket(found), str(found)
