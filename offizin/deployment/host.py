"""One machine: what runs there becomes what is wanted there, and at the end nothing that was started is left."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from offizin.clock import Clock
from offizin.deployment.keepers import ContainerKeeper, Keeper, NativeKeeper
from offizin.deployment.machine import Machine
from offizin.deployment.native import ProgramMissing
from offizin.deployment.pids import Outcome
from offizin.deployment.wanted import Details, Kind, Memory, Row, Wanted
from offizin.deployment.worker_program import how_to_install
from offizin.errors import Unavailable
from offizin.settings.reference_config import Ssh

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Login:
    """What is remembered of how a machine is reached."""

    address: str = ""
    ssh: Ssh | None = None
    socket: str | None = None

    def details(self, spec: str, log: str = "") -> Details:
        ssh = self.ssh
        if ssh is None:
            return Details(spec, socket=self.socket, log=log)
        return Details(
            spec, self.address, ssh.username, ssh.port, ssh.path_to_privkey, ssh.known_hosts, self.socket, log
        )


class HostDeployment:
    """What one server has started on ``machine``. ``limit``: seconds that something may take to end by itself;
    ``install`` is called before a native worker is started."""

    def __init__(
        self,
        machine: Machine,
        login: Login,
        memory: Memory,
        clock: Clock,
        *,
        limit: float,
        install: Callable[[Machine], Awaitable[None]] | None = None,
    ) -> None:
        self.machine = machine
        self._login = login
        self._memory = memory
        self._clock = clock
        self._limit = limit
        self._install = install
        self._one_at_a_time = asyncio.Lock()
        self._seen: set[int] = set()
        self._keepers: dict[Kind, Keeper] = {
            Kind.NATIVE: NativeKeeper(machine),
            Kind.DOCKER: ContainerKeeper(machine, login.socket),
        }

    async def make_it_run(self, wanted: Sequence[Wanted]) -> None:
        """What runs there as it is wanted stays, untouched; what else we have started there ends; what is missing is
        started. Raises Unavailable, when all that could be done is done."""
        async with self._one_at_a_time:
            missing = {(one.kind, one.name): one for one in wanted}
            troubles: list[Unavailable] = []
            for row in await self._rows():
                try:
                    if await self._stays(row, missing.get((Kind(row.kind), row.name))):
                        del missing[Kind(row.kind), row.name]
                except Unavailable as trouble:
                    troubles.append(trouble)
                    missing.pop((Kind(row.kind), row.name), None)  # nobody knows whether it runs
            for one in missing.values():
                try:
                    await self._start(one)
                except Unavailable as trouble:
                    troubles.append(trouble)
            if troubles:
                raise _as_one(troubles)

    async def end_all(self) -> None:
        """Raises Unavailable when it is not sure that all has ended: then that stays in the memory."""
        async with self._one_at_a_time:
            ends = (self._end(row) for row in await self._rows())
            for trouble in await asyncio.gather(*ends, return_exceptions=True):
                if isinstance(trouble, BaseException):
                    raise trouble

    async def _rows(self) -> list[Row]:
        kinds = {str(kind) for kind in self._keepers}
        return [row for row in await self._memory.load() if row.host == self.machine.label and row.kind in kinds]

    async def _stays(self, row: Row, wanted: Wanted | None) -> bool:
        details = Details.decode(row.details)
        found = await self._keepers[Kind(row.kind)].find(row.identity)
        if found is None:
            last = await self._keepers[Kind(row.kind)].last_words(row.identity, details.log)
            where = f"{details.log}: {last}" if last else details.log or "unknown"
            log.warning("%s on %s does not run any more; its output: %s", row.name, row.host, where)
        elif wanted is not None and wanted.spec == details.spec:
            if found != row.identity:
                await self._memory.identify(row.seq, found, row.details)
            if row.seq not in self._seen:
                self._seen.add(row.seq)
                log.info("%s on %s still runs from before", row.name, row.host)
            return True
        await self._end(row)
        return False

    async def _start(self, wanted: Wanted) -> None:
        keeper, mark = self._keepers[wanted.kind], self._clock.new_id()
        if self._install is not None and wanted.kind is Kind.NATIVE:
            await self._install(self.machine)
        details = self._login.details(wanted.spec)
        # Before it is started: a crash between the two must not leave something that nobody knows.
        seq = await self._memory.add(
            host=self.machine.label, kind=wanted.kind, name=wanted.name, identity=keeper.before(mark),
            details=details.encode(),
        )  # fmt: skip
        try:
            identity, output = await keeper.start(wanted, mark)
        except Unavailable as trouble:
            if await self._is_not_there(keeper, keeper.before(mark)):
                await self._memory.remove(seq)
            raise how_to_install(trouble) if isinstance(trouble, ProgramMissing) else trouble from trouble
        await self._memory.identify(seq, identity, self._login.details(wanted.spec, output).encode())
        self._seen.add(seq)
        log.info("started %s on %s; its output: %s", wanted.name, self.machine.label, output)

    async def _is_not_there(self, keeper: Keeper, identity: str) -> bool:
        try:
            return await keeper.find(identity) is None
        except Unavailable:
            return False

    async def _end(self, row: Row) -> None:
        outcome = await self._keepers[Kind(row.kind)].end(row.identity, self._limit)
        if outcome is Outcome.ALIVE:
            raise Unavailable(
                f"{row.name} on {row.host} cannot be ended ({row.identity})", advice="Look there why it does not die."
            )
        if outcome is Outcome.KILLED:
            log.warning("%s on %s did not end within %g s and was killed", row.name, row.host, self._limit)
        await self._memory.remove(row.seq)


def _as_one(troubles: Sequence[Unavailable]) -> Unavailable:
    if len(troubles) == 1:
        return troubles[0]
    return Unavailable("; ".join(one.message for one in troubles), advice=" ".join({one.advice for one in troubles}))
