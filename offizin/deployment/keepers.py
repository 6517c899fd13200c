"""One way for all that can be started: start it, find it again, end it. Identities are JSON, for the database."""

from __future__ import annotations

from typing import Protocol

import msgspec

from offizin.deployment import containers, native, pids
from offizin.deployment.containers import Container, ContainerIdentity, Engine
from offizin.deployment.machine import Machine
from offizin.deployment.native import Program
from offizin.deployment.pids import Outcome, Process
from offizin.deployment.wanted import Wanted


class Keeper(Protocol):
    def before(self, mark: str) -> str:
        """The identity of what is to be started with ``mark``, as far as it is known before."""
        ...

    async def start(self, wanted: Wanted, mark: str) -> tuple[str, str]:
        """Its identity, and where its output goes. Raises Unavailable."""
        ...

    async def find(self, identity: str) -> str | None:
        """The identity with all that is known now, None when it does not run. Raises Unavailable."""
        ...

    async def last_words(self, identity: str, output: str) -> str:
        """The last lines of what it wrote to ``output``, as ``start`` has named that. Raises Unavailable."""
        ...

    async def end(self, identity: str, limit: float) -> Outcome:
        """Tell it to end; after ``limit`` seconds, kill it. Raises Unavailable."""
        ...


class NativeKeeper:
    """``signal`` ends what it starts, and goes to its whole group or to it alone."""

    def __init__(self, machine: Machine, *, signal: str = "TERM", group: bool = True) -> None:
        self._machine = machine
        self._signal = signal
        self._group = group

    def before(self, mark: str) -> str:
        return _encode(Process(mark))

    async def start(self, wanted: Wanted, mark: str) -> tuple[str, str]:
        assert isinstance(wanted.what, Program)
        running = await native.start(self._machine, wanted.what, mark)
        return _encode(running.process), running.log

    async def find(self, identity: str) -> str | None:
        found = await pids.find(self._machine, msgspec.json.decode(identity, type=Process))
        return None if found is None else _encode(found)

    async def last_words(self, identity: str, output: str) -> str:
        return await native.last_words(self._machine, output) if output else ""

    async def end(self, identity: str, limit: float) -> Outcome:
        process = msgspec.json.decode(identity, type=Process)
        return await pids.end(self._machine, process, limit=limit, signal=self._signal, group=self._group)


class ContainerKeeper:
    """``socket`` is where Docker or Podman listens on the machine; None: it is looked for."""

    def __init__(self, machine: Machine, socket: str | None) -> None:
        self._machine = machine
        self._socket = socket

    def before(self, mark: str) -> str:
        return _encode(ContainerIdentity(mark))

    async def start(self, wanted: Wanted, mark: str) -> tuple[str, str]:
        assert isinstance(wanted.what, Container)
        async with await self._engine() as engine:
            identity = await containers.start(engine, wanted.what, mark)
        return _encode(identity), f"container {wanted.what.name}"

    async def find(self, identity: str) -> str | None:
        async with await self._engine() as engine:
            found = await containers.find(engine, msgspec.json.decode(identity, type=ContainerIdentity))
        return None if found is None else _encode(found)

    async def last_words(self, identity: str, output: str) -> str:
        async with await self._engine() as engine:
            return await containers.last_words(engine, msgspec.json.decode(identity, type=ContainerIdentity))

    async def end(self, identity: str, limit: float) -> Outcome:
        async with await self._engine() as engine:
            return await containers.end(engine, msgspec.json.decode(identity, type=ContainerIdentity), limit)

    async def _engine(self) -> Engine:
        return await containers.engine_of(self._machine, self._socket)


def _encode(identity: Process | ContainerIdentity) -> str:
    return msgspec.json.encode(identity).decode()
