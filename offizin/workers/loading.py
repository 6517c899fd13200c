"""Starting runners, and telling the servers what they say of their processors."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from offizin.brokers.at_last import publish_at_last
from offizin.brokers.broker import Broker, Kind, Message, results_of
from offizin.clock import Clock
from offizin.messages import Handshake, Unloadable, encode
from offizin.workers.membership import Membership
from offizin.workers.runner_process import RunnerProcess


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """``slots``: runners that work at once; ``runners``: runners kept loaded; times in seconds. ``logs`` and
    ``job_logs`` are directories: what runners say outside of jobs, and where the logs that pieces name lie."""

    slots: int
    runners: int
    slots_per_processor: dict[str, int]
    threads: int
    load_limit: float
    idle_limit: float
    logs: Path
    job_logs: Path
    environment: Callable[[Path], dict[str, str]]  # what is set for a processor's program


class Loading:
    """``locate`` gives a processor's executable (raises ProcessorUnknown); ``start_runner`` is ``RunnerProcess.start``
    but in the simulation."""

    def __init__(
        self,
        broker: Broker,
        clock: Clock,
        settings: PoolSettings,
        membership: Membership,
        locate: Callable[[str], Path],
        start_runner: Callable[..., Awaitable[RunnerProcess]],
    ) -> None:
        self._broker = broker
        self._clock = clock
        self._settings = settings
        self._membership = membership
        self._locate = locate
        self._start_runner = start_runner
        self._started = 0

    async def start(self, processor: str) -> RunnerProcess:
        """Raises OffizinError and whatever else keeps it from loading."""
        self._started += 1
        executable = self._locate(processor)
        runner = await self._start_runner(
            executable,
            log=self._settings.logs / f"{processor}-{self._started}.log",
            threads=self._settings.threads,
            load_limit=self._settings.load_limit,
            job_logs=self._settings.job_logs,
            environment=self._settings.environment(executable),
        )
        if (left := self._membership.lease_left()) < math.inf:
            runner.renew(left)
        return runner

    async def tell_loaded(self, processor: str, handshake: Handshake) -> None:
        await self._tell_servers(Message(Kind.LOADED, encode(replace(handshake, processor=processor))))

    async def tell_unloadable(self, processor: str, why: Exception) -> None:
        await self._tell_servers(Message(Kind.UNLOADABLE, encode(Unloadable(processor, str(why)))))

    async def _tell_servers(self, message: Message) -> None:
        for server in self._membership.servers():
            await publish_at_last(self._broker, self._clock, results_of(server), [message])
