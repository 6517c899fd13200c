"""Servers that are killed and started again on the same database, and what comes to them from earlier lives."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from offizin.brokers.broker import Message
from offizin.clock import Clock
from offizin.offizin import Offizin, Parts
from offizin.settings import Settings
from offizin.store.transaction import InlineDatabase
from tests.simulation.broker import SimulatedBroker
from tests.simulation.database import Hooks, SimulatedDatabase
from tests.simulation.mets_files import MetsFiles
from tests.simulation.runners import PROCESSORS, TIME_LIMIT, RunnerStarter, Witness
from tests.simulation.scenario import Scenario
from tests.simulation.stage import Programs, stage
from tests.simulation.virtual_loop import Killed, Life, VirtualLoop


class Servers:
    """One at a time: ``server`` while one is there, ``up`` while it takes requests, ``died`` once it is gone.

    ``buried`` is called when one has died; ``called`` counts the callbacks that users got: URL and state.
    """

    def __init__(
        self,
        scenario: Scenario,
        loop: VirtualLoop,
        clock: Clock,
        database: InlineDatabase,
        mets: MetsFiles,
        hooks: Hooks,
        witness: Witness,
        *,
        tell: Callable[[str], None],
        buried: Callable[[], None],
    ) -> None:
        self.server: Offizin | None = None
        self.life = Life(0)
        self.life.ended = True
        self.up = asyncio.Event()
        self.died = asyncio.Event()
        self.called: Counter[tuple[str, str]] = Counter()
        self._scenario = scenario
        self._loop = loop
        self._clock = clock
        self._database = database
        self._mets = mets
        self._hooks = hooks
        self._chances = hooks.chances
        self._witness = witness
        self._tell = tell
        self._buried = buried
        self._late: list[Message] = []
        self._runners = 0

    async def keep_running(self) -> None:
        """Start a server, and another one whenever it has died."""
        number = 0
        while True:
            number += 1
            self.life = life = Life(number)
            self.died = asyncio.Event()
            starting = self._loop.live(life, self._start(life))
            dying = asyncio.ensure_future(self.died.wait())
            await asyncio.wait({starting, dying}, return_when=asyncio.FIRST_COMPLETED)
            if not self.died.is_set():
                if starting.exception() is not None:
                    self._tell(f"the server does not start: {starting.exception()!r}")
                    self.kill("it does not start")
                else:
                    self.up.set()
                    await dying
            self.up.clear()
            await asyncio.sleep(self._chances.stream("restart").random())

    def kill(self, where: str) -> None:
        """As by kill -9: nothing of it runs any more, and its runners die with it."""
        if self.life.ended:
            return
        self._tell(f"--- the server is killed: {where}")
        self._hooks.counts["kills"] += 1
        self._loop.end(self.life)
        self._buried()
        self.release()
        self.died.set()

    def release(self) -> None:
        """What the system does for a process that is gone."""
        if self.server is not None:
            self.server.home.release()
        self.server = None

    async def stop(self, server: Offizin) -> None:
        """End it as it should be ended."""
        self.up.clear()
        self._tell("--- the server is stopped")
        try:
            await server.__aexit__(None, None, None)
            self._tell("--- the server has stopped")
        finally:
            self.kill("it was stopped")

    def reached(self, point: str) -> None:
        """It has come to one of the named points of ``offizin.faults``."""
        if not self.life.ended and self._chances.happens("the server is killed in a transaction"):
            self.kill(point)
            raise Killed

    async def _start(self, life: Life) -> None:
        self._tell(f"+++ server {life.number} starts")
        broker = SimulatedBroker(life, self._hooks, self._late.append, self._lost)
        starter = RunnerStarter(self._chances, self._witness, life, self._next_pid)
        settings = Settings(
            home=stage() / "home", slots=self._scenario.slots, max_runners=3, load_limit=5.0, runner_idle_limit=20.0,
            own_failure_retries=self._scenario.own_failures, save_interval=4.0, time_limits={"default": TIME_LIMIT},
        )  # fmt: skip

        async def database(_path: Path, _sync: Any) -> Any:
            return SimulatedDatabase(self._database, life, self._hooks)

        parts = Parts(
            database=database,
            broker=lambda: broker,  # type: ignore[arg-type,return-value]
            discovery=lambda *_: Programs(stage(), list(PROCESSORS)),  # type: ignore[arg-type,return-value]
            start_runner=starter,  # type: ignore[arg-type]
            read_mets=self._mets.read,
            save_mets=self._mets.save,
            transport=httpx.MockTransport(self._called_back),
        )
        self.server = server = Offizin(settings, self._clock, parts)
        await server.__aenter__()
        for message in self._late:
            self._loop.call_later(self._chances.stream("late").random() * 3.0, broker.put, message)
        self._late = []

    async def _called_back(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(self._chances.seconds("callback", 0.1))
        if self._chances.happens("a callback is not answered"):
            raise httpx.ConnectError("nobody there")
        self.called[str(request.url), json.loads(request.content)["state"]] += 1
        return httpx.Response(200)

    def _next_pid(self) -> int:
        self._runners += 1
        return self._runners

    def _lost(self, what: str) -> None:
        """On one machine the broker loses what it holds only when the server dies, so that follows."""
        self._tell(f"{what} is lost")
        life = self.life

        def kill() -> None:
            if life is self.life:
                self.kill("its broker had lost something")

        self._loop.call_later(5.0 * self._chances.stream("lost").random(), kill)
