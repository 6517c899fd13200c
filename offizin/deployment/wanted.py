"""What is to run on a machine, and what is remembered of what was started there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import msgspec

from offizin.deployment.containers import Container
from offizin.deployment.native import Program


class Kind(StrEnum):
    NATIVE = "native"
    DOCKER = "docker"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Wanted:
    """``name`` tells it from others of its kind on its machine; what runs with another ``spec`` is not what is wanted.
    ``spec`` holds no secrets."""

    kind: Kind
    name: str
    spec: str
    what: Program | Container


@dataclass(frozen=True, slots=True)
class Details:
    """What is remembered beside the identity: how the machine is reached, if only with a key, and what people ask."""

    spec: str
    address: str = ""
    username: str = ""
    port: int = 22
    path_to_privkey: str | None = None
    known_hosts: str | None = None
    socket: str | None = None
    log: str = ""

    def encode(self) -> str:
        return msgspec.json.encode(self).decode()

    @classmethod
    def decode(cls, text: str) -> Details:
        return msgspec.json.decode(text, type=cls)


class Row(Protocol):
    """As the database has it (``offizin.store.deployed``)."""

    @property
    def seq(self) -> int: ...
    @property
    def host(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def identity(self) -> str: ...
    @property
    def details(self) -> str: ...


class Memory(Protocol):
    """Where is kept what this server has started. Each returns once it is on disk."""

    async def load(self) -> Sequence[Row]: ...

    async def add(self, *, host: str, kind: str, name: str, identity: str, details: str) -> int:
        """The number of the new row."""
        ...

    async def identify(self, seq: int, identity: str, details: str) -> None: ...

    async def remove(self, seq: int) -> None: ...
