"""Class Deployment: the workers of the configuration run on their hosts while this server does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from offizin.clock import Clock
from offizin.deployment.bootstrap import Bootstrap
from offizin.deployment.host import HostDeployment, Login
from offizin.deployment.machine import Machine, is_loopback
from offizin.deployment.machines import HostPlan, Surroundings, host_plans, wanted_on
from offizin.deployment.ssh_login import label_of, machine_over_ssh
from offizin.deployment.wanted import Details, Memory, Wanted
from offizin.errors import OffizinError, Unavailable
from offizin.settings.reference_config import ReferenceConfig, Ssh

log = logging.getLogger(__name__)

# Seconds between two looks at what runs; that work which runs may take when its worker is to end; and that the worker
# may take beyond, to hand back what has not finished.
LOOK = 30.0
GRACE = 60.0
HANDING_BACK = 30.0


class Deployment:
    """Raises SettingsInvalid when it is made.

    ``owner`` is the name of this server that stays; ``memory`` keeps what it has started. What an earlier life of the
    server has started and still runs is taken over, not started anew. ``bootstrap``: where `offizin` is missing, it is
    sent; ``grace``: seconds that what runs may take when its worker is to end.
    """

    def __init__(
        self,
        config: ReferenceConfig,
        memory: Memory,
        clock: Clock,
        *,
        owner: str,
        grace: float = GRACE,
        bootstrap: bool = False,
        look: float = LOOK,
        machine: Callable[[str, Ssh], Machine] = machine_over_ssh,
    ) -> None:
        self._plans = host_plans(config)
        self._callback_url = config.internal_callback_url
        self._memory = memory
        self._clock = clock
        self._owner = owner
        self._grace = grace
        self._bootstrap = Bootstrap() if bootstrap else None
        self._look = look
        self._machine = machine
        self._hosts: dict[str, HostDeployment] = {}
        self._stopping = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        self._told: dict[str, str] = {}
        self._scheme, self._token = "http", ""
        self.looked = asyncio.Event()
        """Set whenever all hosts have been looked at."""

    async def start(self, *, queue: str, host: str, port: int, scheme: str = "http", token: str = "") -> None:
        """Begin to start what is to run, and to start it again when it has ended. Returns at once: a host that is down
        holds up nobody; what goes wrong is in the log.

        ``queue`` is the URL for workers, with its password; ``host`` and ``port`` are where this server listens,
        ``scheme`` what it speaks (http or https), and ``token`` what lets workers in.
        """
        self._scheme, self._token = scheme, token
        for plan in self._plans:
            install = self._bootstrap.install if self._bootstrap is not None and plan.offizin is None else None
            self._add(plan.label, plan.address, plan.login, plan.socket, install)
        for row in await self._memory.load():
            self._add_remembered(row.host, Details.decode(row.details))
        if self._hosts:
            self._looking = asyncio.create_task(self._keep(queue, host, port), name="Deployment")
        else:
            self.looked.set()

    async def stop(self) -> None:
        """End all that was started, on every host. Workers are told to end, which finishes or hands back what they do;
        after the limit they are killed."""
        await self._look_no_more()
        await asyncio.gather(*(self._end(host) for host in self._hosts.values()))
        await self.give_up()

    async def give_up(self) -> None:
        """Leave what runs to the next life of the server."""
        await self._look_no_more()
        await asyncio.gather(*(host.machine.close() for host in self._hosts.values()), return_exceptions=True)

    async def _look_no_more(self) -> None:
        """What is being started now will have been, and is known then."""
        self._stopping.set()
        if self._looking is not None:
            await asyncio.gather(self._looking, return_exceptions=True)

    def _add(
        self,
        label: str,
        address: str,
        login: Ssh,
        socket: str | None,
        install: Callable[[Machine], Awaitable[None]] | None = None,
    ) -> None:
        if label not in self._hosts:
            self._hosts[label] = HostDeployment(
                self._machine(address, login), Login(address, login, socket), self._memory, self._clock,
                limit=self._grace + HANDING_BACK, install=install,
            )  # fmt: skip

    def _add_remembered(self, label: str, details: Details) -> None:
        """A host that is not in the configuration any more: what runs there has to end."""
        if details.address:
            login = Ssh(
                details.username, None, details.path_to_privkey, port=details.port, known_hosts=details.known_hosts
            )
            self._add(label_of(details.address, login), details.address, login, details.socket)

    async def _keep(self, queue: str, host: str, port: int) -> None:
        plans = {plan.label: plan for plan in self._plans}
        while not self._stopping.is_set():
            hosts = self._hosts.items()
            await asyncio.gather(*(self._bring_up(one, plans.get(label), queue, host, port) for label, one in hosts))
            self.looked.set()
            stopping = asyncio.ensure_future(self._stopping.wait())
            pausing = asyncio.ensure_future(self._clock.sleep(self._look))
            try:
                await asyncio.wait([stopping, pausing], return_when=asyncio.FIRST_COMPLETED)
            finally:
                stopping.cancel()
                pausing.cancel()

    async def _bring_up(self, one: HostDeployment, plan: HostPlan | None, queue: str, host: str, port: int) -> None:
        label = one.machine.label
        try:
            wanted = [] if plan is None else await self._wanted(one.machine, plan, queue, host, port)
            await one.make_it_run(wanted)
        except OffizinError as error:
            self._tell(label, error)
        except Exception:
            log.exception("workers on %s cannot be looked after; it goes on in %g s", label, self._look)
        else:
            if self._told.pop(label, None) is not None:
                log.info("the workers on %s run", label)

    async def _wanted(self, machine: Machine, plan: HostPlan, queue: str, host: str, port: int) -> Sequence[Wanted]:
        here = await machine.address_here()
        return wanted_on(
            plan, Surroundings(queue, self._server_url(here, host, port), self._owner, self._grace, self._token)
        )

    def _server_url(self, here: str, host: str, port: int) -> str | None:
        """Where a machine that sees us as ``here`` finds our HTTP API."""
        if self._callback_url:
            return self._callback_url
        if host in ("", "0.0.0.0", "::"):
            host = here
        elif is_loopback(host) and not is_loopback(here):
            return None
        return f"{self._scheme}://[{host}]:{port}" if ":" in host else f"{self._scheme}://{host}:{port}"

    async def _end(self, host: HostDeployment) -> None:
        try:
            await host.end_all()
        except Unavailable as error:
            log.error("what was started on %s may still run there: %s %s", host.machine.label, error, error.advice)
        except Exception:  # the other hosts, and the end of the server, must not suffer
            log.exception("what was started on %s may still run there", host.machine.label)

    def _tell(self, label: str, error: OffizinError) -> None:
        """Once for each thing that is wrong, however often it is tried."""
        if self._told.get(label) != error.message:
            self._told[label] = error.message
            log.error("%s. %s It is tried again every %g s", error.message, error.advice, self._look)
