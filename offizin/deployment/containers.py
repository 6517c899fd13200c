"""Containers through the API of Docker, which Podman speaks, too, over the engine's Unix socket.

Source: https://docs.docker.com/reference/api/engine/. Paths go without a version, because there is none that all know:
what is used here has not changed since 1.24.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from offizin.deployment.machine import Machine
from offizin.deployment.pids import MARK, Outcome
from offizin.errors import Unavailable

LABEL = "offizin.deployed"
SOCKETS = ("/var/run/docker.sock", "/run/docker.sock", "$XDG_RUNTIME_DIR/podman/podman.sock", "/run/podman/podman.sock")
ANSWER_SECONDS = 60.0
PULL_SECONDS = 3600.0
KILL_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Container:
    """``volumes`` as in ``/srv/books:/srv/books``. It uses the network of its machine, so that addresses mean the same
    inside, and its files are those of the user that was logged in, unless ``as_image_says``. ``environment`` may hold
    secrets."""

    name: str
    image: str
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    volumes: tuple[str, ...] = ()
    as_image_says: bool = False


@dataclass(frozen=True, slots=True)
class ContainerIdentity:
    """``id`` is None for one of which is only known that it was to be started with ``mark``, which is its label."""

    mark: str
    id: str | None = None


class Engine:
    """Docker or Podman on a machine. ``user`` is ``uid:gid`` of the login there."""

    def __init__(self, label: str, client: httpx.AsyncClient, user: str) -> None:
        self.label = label
        self.user = user
        self._client = client

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def ask(
        self, method: str, path: str, *, fine: tuple[int, ...] = (), limit: float = ANSWER_SECONDS,
        body: Any = None, params: Mapping[str, str] | None = None,
    ) -> httpx.Response:  # fmt: skip
        """The answer, if its status is below 400 or in ``fine``. Raises Unavailable for any other, and for none."""
        try:
            answer = await self._client.request(method, path, json=body, params=params, timeout=limit)
        except httpx.HTTPError as error:
            raise Unavailable(
                f"the container engine of {self.label} does not answer: {error or type(error).__name__}",
                advice="Its socket is there; does Docker or Podman run, and may this user use it?",
            ) from error
        if answer.status_code < 400 or answer.status_code in fine:
            return answer
        raise Unavailable(
            f"the container engine of {self.label} refuses ({answer.status_code}): {_message(answer)}",
            advice="Try it there by hand with docker or podman.",
        )


async def engine_of(machine: Machine, socket: str | None) -> Engine:
    """Raises Unavailable where there is none."""
    candidates = " ".join([shlex.quote(socket)] if socket else [f'"{path}"' for path in SOCKETS])
    script = (
        f"XDG_RUNTIME_DIR=${{XDG_RUNTIME_DIR:-/run/user/$(id -u)}}\nfor one in {candidates}; do\n"
        '    if [ -S "$one" ]; then say socket "$one"; break; fi\ndone\nsay user "$(id -u):$(id -g)"\n'
    )
    answer = await machine.run(script, limit=30)
    if "socket" not in answer.said:
        raise Unavailable(
            f"there is no Docker and no Podman on {machine.label}: no socket at {socket or ', '.join(SOCKETS)}",
            advice="Start it (systemctl enable --now podman.socket), or name its socket as `socket:` of the host.",
        )
    here = await machine.socket(answer.said["socket"])
    client = httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(here)), base_url="http://engine")
    return Engine(machine.label, client, answer.said.get("user", ""))


async def has_image(engine: Engine, image: str) -> bool:
    return (await engine.ask("GET", f"/images/{image}/json", fine=(404,))).status_code == 200


async def start(engine: Engine, container: Container, mark: str) -> ContainerIdentity:
    """Pull the image if it is not there; make and start the container. Raises Unavailable."""
    if not await has_image(engine, container.image):
        await _pull(engine, container.image)
    made = await engine.ask("POST", "/containers/create", params={"name": container.name}, body={
        "Image": container.image,
        "Cmd": list(container.command) or None,
        "Env": [f"{key}={value}" for key, value in {**container.environment, MARK: mark}.items()],
        "Labels": {LABEL: mark},
        "User": "" if container.as_image_says else await _user(engine),
        "HostConfig": {"NetworkMode": "host", "Binds": list(container.volumes)},
    })  # fmt: skip
    identity = ContainerIdentity(mark, made.json()["Id"])
    try:
        await engine.ask("POST", f"/containers/{identity.id}/start", fine=(304,))
    except Unavailable:
        await _remove(engine, identity)
        raise
    return identity


async def _user(engine: Engine) -> str:
    """Who must run in a container to be the login's user outside: where that user's own engine runs it, it is root."""
    about = (await engine.ask("GET", "/info")).json()
    own = any("rootless" in str(option) for option in about.get("SecurityOptions") or ())
    return "0:0" if own else engine.user


async def find(engine: Engine, identity: ContainerIdentity) -> ContainerIdentity | None:
    """It, if it runs."""
    for known in await _with_mark(engine, identity.mark):
        if identity.id in (None, known["Id"]) and known["State"] == "running":
            return ContainerIdentity(identity.mark, known["Id"])
    return None


async def last_words(engine: Engine, identity: ContainerIdentity) -> str:
    """The last lines of its output, "" if there are none, or it is gone."""
    if identity.id is None:
        return ""
    params = {"stdout": "true", "stderr": "true", "tail": "5"}
    answer = await engine.ask("GET", f"/containers/{identity.id}/logs", params=params, fine=(404,))
    return "" if answer.status_code == 404 else _unframed(answer.content).decode(errors="replace").strip()


def _unframed(stream: bytes) -> bytes:
    """Each piece of output comes behind eight bytes: which stream it is of, three zeros, and its length."""
    found = []
    while len(stream) >= 8:
        length = int.from_bytes(stream[4:8])
        found.append(stream[8 : 8 + length])
        stream = stream[8 + length :]
    return b"".join(found)


async def end(engine: Engine, identity: ContainerIdentity, limit: float) -> Outcome:
    """Stop and remove it; one that has no such mark is another."""
    there = [known for known in await _with_mark(engine, identity.mark) if identity.id in (None, known["Id"])]
    outcome = Outcome.GONE
    for known in there:
        if known["State"] == "running":
            params = {"t": str(max(1, int(limit)))}
            path = f"/containers/{known['Id']}/stop"
            await engine.ask("POST", path, params=params, fine=(304, 404), limit=limit + ANSWER_SECONDS)
            over = await engine.ask("POST", f"/containers/{known['Id']}/wait", fine=(404,))
            killed = over.status_code != 404 and over.json().get("StatusCode") == 137
            outcome = Outcome.KILLED if killed else Outcome.ENDED
        await _remove(engine, ContainerIdentity(identity.mark, known["Id"]))
    return outcome


async def _with_mark(engine: Engine, mark: str) -> list[dict[str, Any]]:
    filters = json.dumps({"label": [f"{LABEL}={mark}"]})
    answer = await engine.ask("GET", "/containers/json", params={"all": "true", "filters": filters})
    found = answer.json()
    return found if isinstance(found, list) else []


async def _remove(engine: Engine, identity: ContainerIdentity) -> None:
    await engine.ask("DELETE", f"/containers/{identity.id}", params={"force": "true"}, fine=(404, 409))


async def _pull(engine: Engine, image: str) -> None:
    named = image if ":" in image.rsplit("/", 1)[-1] or "@" in image else f"{image}:latest"
    answer = await engine.ask("POST", "/images/create", params={"fromImage": named}, limit=PULL_SECONDS)
    if not await has_image(engine, image):
        raise Unavailable(
            f"the image {image} is not on {engine.label} and cannot be pulled: {_message(answer)}",
            advice="Is its name right? Else pull or load it there by hand.",
        )


def _message(answer: httpx.Response) -> str:
    """Docker answers a JSON object with ``message``; a pull, lines of JSON, the last of which may have ``error``."""
    last = (answer.text.strip().splitlines() or [""])[-1]
    try:
        said = json.loads(last)
    except ValueError:
        return last[:300]
    if isinstance(said, dict):
        return str(said.get("message") or said.get("error") or said.get("cause") or "")[:300]
    return ""
