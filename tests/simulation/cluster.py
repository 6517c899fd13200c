"""A world with workers in processes of their own, which come and go, sleep past their lease, and lose their connection.

The workers are the real ones (sessions, leases, pools, slots); what is simulated are their processors and the broker.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from offizin.messages import Tool
from offizin.outside import Parts
from offizin.workers.loading import PoolSettings
from offizin.workers.membership import Membership
from offizin.workers.pool import WorkerPool
from offizin.workers.worker import Worker
from tests.simulation.network import Network
from tests.simulation.runners import PROCESSORS, RunnerStarter
from tests.simulation.scenario import Scenario
from tests.simulation.virtual_loop import Life
from tests.simulation.world import LEASE, World, stage

GRACE = 1.0


@dataclass(eq=False)
class Host:
    """One worker's process. ``runners``: the lives of its runners, which end with it and do not sleep with it."""

    number: int
    life: Life
    worker: Worker | None = None
    starter: RunnerStarter | None = None
    runners: list[Life] = field(default_factory=list)
    died: asyncio.Event = field(default_factory=asyncio.Event)


class ClusterWorld(World):
    def __init__(self, scenario: Scenario, *, with_logs: bool = False) -> None:
        super().__init__(scenario, with_logs=with_logs)
        self._network = Network(self.chances, self.tell)
        self._hosts: list[Host] = []
        self._lives = 1000

    # The server.

    def _with_workforce(self, parts: Parts, life: Life) -> Parts:
        async def connect(again):  # type: ignore[no-untyped-def]
            return self._network.connect(life, again)

        return replace(parts, connect=connect)

    def _has_started(self) -> None:
        """What came late comes by its queue."""

    def _server_died(self) -> None:
        self._network.died(self._life)

    # The workers.

    async def _users(self) -> None:
        keeping = [asyncio.create_task(self._keep_worker(number)) for number in range(self.scenario.workers)]
        troubling = asyncio.create_task(self._trouble_workers())
        await self._wait_for_workers()
        await super()._users()
        for task in [*keeping, troubling]:
            task.cancel()

    async def _wait_for_workers(self) -> None:
        """Users ask for what there is."""
        while not (self._server is not None and self._up.is_set() and self._server.processors.names()):  # noqa: ASYNC110
            await asyncio.sleep(0.5)

    async def _keep_worker(self, number: int) -> None:
        while True:
            host = Host(number, self._new_life())
            self._hosts.append(host)
            self.tell(f"+++ worker {number} starts")
            running = self.loop.live(host.life, self._run_worker(host))
            dying = asyncio.ensure_future(host.died.wait())
            await asyncio.wait({running, dying}, return_when=asyncio.FIRST_COMPLETED)
            dying.cancel()
            if running.done() and not running.cancelled() and (error := running.exception()) is not None:
                self._ends_badly(f"a worker fails: {error!r}")
            self._end(host, "it has stopped" if running.done() else "")
            self._hosts.remove(host)
            await asyncio.sleep(self.chances.stream("restart of workers").random() * 3)

    async def _run_worker(self, host: Host) -> None:
        starter = host.starter = RunnerStarter(
            self.chances, self, host.life, self._next_pid, lambda: self._runner_life(host)
        )
        broker = self._network.connect(host.life, lambda: None)
        slots = self.scenario.slots
        settings = PoolSettings(
            slots=slots, runners=3, slots_per_processor={}, threads=1, load_limit=5.0, idle_limit=20.0,
            logs=Path("/nowhere"), job_logs=Path("/nowhere"), environment=lambda _: {},
        )  # fmt: skip

        def pool(membership: Membership) -> WorkerPool:
            return WorkerPool(
                broker, lambda name: stage() / name, settings, self._clock, starter, membership  # type: ignore[arg-type]
            )  # fmt: skip

        tools = [Tool(name, "1", "1.0", msgspec.Raw(b'{"executable":"%s"}' % name.encode())) for name in PROCESSORS]
        named = dict.fromkeys(PROCESSORS, slots)
        worker = host.worker = Worker(broker, self._clock, f"host {host.number}", named, tools, pool, GRACE)
        await worker.run()
        await broker.close()

    def _new_life(self) -> Life:
        self._lives += 1
        return Life(self._lives)

    def _runner_life(self, host: Host) -> Life:
        life = self._new_life()
        host.runners.append(life)
        return life

    # What happens to them.

    async def _trouble_workers(self) -> None:
        """For as long as users ask for something, and a while longer: who never has peace never gets anything done."""
        until = max((act.at for act in self.scenario.acts), default=0.0) + 20.0
        while self.loop.time() < until:
            await asyncio.sleep(0.05)
            for host in list(self._hosts):
                if host.life.ended or host.life.asleep or host.worker is None:
                    continue
                if self.chances.happens("a worker is killed"):
                    self._end(host, "it is killed")
                elif self.chances.happens("a worker is stopped"):
                    self.tell(f"--- worker {host.number} is stopped")
                    host.worker.stopping.set()
                elif self.chances.happens("a worker sleeps"):
                    self._send_to_sleep(host)

    def _send_to_sleep(self, host: Host) -> None:
        seconds = self.chances.stream("sleep").random() * 3 * LEASE
        self.tell(f"--- worker {host.number} sleeps for {seconds:.2f} s")
        host.life.asleep = True
        self.loop.call_later(seconds, self._wake, host)

    def _wake(self, host: Host) -> None:
        if not host.life.ended:
            self.tell(f"--- worker {host.number} wakes up")
            self.loop.wake(host.life)

    def _end(self, host: Host, why: str) -> None:
        """Its runners end with it, at once."""
        if host.life.ended:
            return
        self.tell(f"--- worker {host.number} ends: {why}")
        self.telling.counts["ends of workers"] += 1
        self.loop.end(host.life)
        for life in host.runners:
            self.loop.end(life)
        for runner in host.starter.runners if host.starter else []:
            runner.vanish()
        self._network.died(host.life)
        host.died.set()
