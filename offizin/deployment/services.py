"""RabbitMQ, PostgreSQL and MongoDB, when this server is to start them: before it needs them, ended after it."""

from __future__ import annotations

import asyncio
import logging
import socket

import psutil

from offizin.clock import Clock
from offizin.deployment import containers
from offizin.deployment.containers import Container
from offizin.deployment.keepers import ContainerKeeper, Keeper, NativeKeeper
from offizin.deployment.machine import Here, Machine
from offizin.deployment.native import Program, ProgramMissing
from offizin.deployment.pids import Outcome
from offizin.deployment.service_programs import ServiceProgram
from offizin.deployment.ssh_login import machine_over_ssh
from offizin.deployment.wanted import Details, Kind, Memory, Row, Wanted
from offizin.errors import Unavailable
from offizin.settings.reference_config import Ssh

log = logging.getLogger(__name__)

# Seconds for a service to answer once it was started, and to end.
START_LIMIT = 120.0
STOP_LIMIT = 60.0
_PROBE_SECONDS = 3.0
_PROBE_PAUSE = 0.1


class ServiceDeployment:
    """One service at ``address`` and ``port``. ``ssh`` is the login on its machine, None if that is this one;
    ``socket`` is where Docker or Podman listens there, None: it is looked for."""

    def __init__(
        self,
        service: ServiceProgram,
        address: str,
        port: int,
        ssh: Ssh | None,
        memory: Memory,
        clock: Clock,
        *,
        socket: str | None = None,
    ) -> None:
        self._service = service
        self._address = address
        self._port = port
        self._memory = memory
        self._clock = clock
        self._socket = socket
        self.machine: Machine = Here() if ssh is None else machine_over_ssh(address, ssh)

    async def start(self) -> None:
        """It answers when this returns. What answers already is used, and ended only if an earlier life of this server
        has started it. Raises Unavailable."""
        name = self._service.name
        row = await self._row()
        if row is not None and await self._keeper(row).find(row.identity) is None:
            await self._forget(row)
            row = None
        if await self._answers():
            if row is None:
                log.info("using the %s that answers at %s:%d; it is not ended with this server", name, *self._at)
            else:
                log.info("the %s at %s:%d still runs from before", name, *self._at)
                await self._is_ready()
            return
        if row is None:
            self._could_be_started_here()
            row = await self._start()
        await self._wait(row)
        await self._is_ready()
        log.info("started %s at %s:%d; its output: %s", name, *self._at, Details.decode(row.details).log)

    async def stop(self) -> None:
        """End what ``start`` started, in this life of the server or in an earlier one. Raises Unavailable."""
        try:
            row = await self._row()
            if row is not None:
                await self._forget(row)
        finally:
            await self.machine.close()

    @property
    def _at(self) -> tuple[str, int]:
        return self._address, self._port

    async def _row(self) -> Row | None:
        for row in await self._memory.load():
            if (row.kind, row.name) == (Kind.SERVICE, self._service.name) and row.host == self.machine.label:
                return row
        return None

    def _keeper(self, row: Row) -> Keeper:
        native = Details.decode(row.details).spec == Kind.NATIVE
        return self._native() if native else ContainerKeeper(self.machine, self._socket)

    def _native(self) -> NativeKeeper:
        return NativeKeeper(self.machine, signal=self._service.signal, group=False)

    async def _start(self) -> Row:
        service = self._service
        try:
            return await self._start_as(self._native(), Kind.NATIVE, service.program)
        except ProgramMissing as missing:
            try:
                engine = await containers.engine_of(self.machine, self._socket)
            except Unavailable as none:
                raise self._nowhere(missing) from none
            async with engine:
                if not service.pull and not await containers.has_image(engine, service.container.image):
                    raise self._nowhere(missing) from missing
            return await self._start_as(ContainerKeeper(self.machine, self._socket), Kind.DOCKER, service.container)

    async def _start_as(self, keeper: Keeper, kind: Kind, what: Program | Container) -> Row:
        mark, name = self._clock.new_id(), self._service.name
        seq = await self._memory.add(
            host=self.machine.label, kind=Kind.SERVICE, name=name, identity=keeper.before(mark),
            details=Details(kind).encode(),
        )  # fmt: skip
        try:
            identity, output = await keeper.start(Wanted(kind, name, kind, what), mark)
        except Unavailable:
            await self._memory.remove(seq)
            raise
        await self._memory.identify(seq, identity, Details(kind, log=output).encode())
        row = await self._row()
        assert row is not None
        return row

    async def _forget(self, row: Row) -> None:
        outcome = await self._keeper(row).end(row.identity, STOP_LIMIT)
        if outcome is Outcome.ALIVE:
            raise Unavailable(f"{row.name} on {row.host} cannot be ended", advice="Look there why it does not die.")
        await self._memory.remove(row.seq)

    async def _wait(self, row: Row) -> None:
        """Until it answers. Raises Unavailable when it ends before, or takes too long."""
        until = self._clock.monotonic() + START_LIMIT
        output = Details.decode(row.details).log
        while not await self._answers():
            if await self._keeper(row).find(row.identity) is None:
                last = await self._keeper(row).last_words(row.identity, output)
                await self._forget(row)
                raise Unavailable(
                    f"{row.name} ended before it answered at {self._address}:{self._port}" + (last and f": {last}"),
                    advice=f"Its output, on {self.machine.label}: {output}",
                )
            if self._clock.monotonic() > until:
                raise Unavailable(
                    f"{row.name} does not answer at {self._address}:{self._port} within {START_LIMIT:g} s",
                    advice=f"Its output, on {self.machine.label}: {output}",
                )
            await self._clock.sleep(_PROBE_PAUSE)

    async def _is_ready(self) -> None:
        if self._service.ready:
            answer = await self.machine.run(self._service.ready, limit=START_LIMIT)
            if answer.code:
                said = answer.said.get("failed", answer.errors)
                raise Unavailable(
                    f"{self._service.name} at {self._address}:{self._port} is not ready: {said}",
                    advice="It keeps the users and passwords that it was first started with.",
                )

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                _, writer = await asyncio.open_connection(self._address, self._port)
        except (OSError, TimeoutError):
            return False
        writer.close()
        return True

    def _could_be_started_here(self) -> None:
        if isinstance(self.machine, Here) and not _is_of_this_machine(self._address):
            raise Unavailable(
                f"no {self._service.name} answers at {self._address}:{self._port}, which is not this machine",
                advice="Start it there; or say how to log in there (`ssh:`), and it is started from here.",
            )

    def _nowhere(self, missing: ProgramMissing) -> Unavailable:
        name = self._service.name
        return Unavailable(
            f"{missing.message}, nor is there Docker or Podman to run it in",
            advice=f"Install {name} there (apt-get install {_PACKAGES[name]}), or start one yourself and set "
            "skip_deployment: true.",
        )


_PACKAGES = {"RabbitMQ": "rabbitmq-server", "PostgreSQL": "postgresql", "MongoDB": "mongodb-org"}


def _is_of_this_machine(address: str) -> bool:
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(address, None)}
    except OSError:
        return False
    own = {entry.address.split("%")[0] for entries in psutil.net_if_addrs().values() for entry in entries}
    return any(one in own or one.startswith("127.") or one == "::1" for one in found)
