"""Starting runners, and telling the servers what they say of their processors."""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from offizin.brokers.at_last import publish_at_last
from offizin.brokers.broker import Broker, Kind, Message, results_of
from offizin.clock import Clock
from offizin.errors import RunnerNotPython
from offizin.messages import Handshake, Unloadable, encode
from offizin.processors.tool_cache import Fingerprint
from offizin.workers.line import MOST_IN_HAND
from offizin.workers.membership import Membership
from offizin.workers.mets_endpoint import MetsEndpoint
from offizin.workers.plain_program import PlainProgram, handshake_of
from offizin.workers.program import program_environment
from offizin.workers.runner import Runner

log = logging.getLogger(__name__)

# How long a program is taken for one in which no runner begins, in seconds: what it needs may be installed later.
PLAIN_FOR = 600.0


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
    in_hand: int = MOST_IN_HAND  # pieces that are fetched for each slot before it has room


@dataclass(frozen=True, slots=True)
class _Plain:
    """A program in which no runner begins; ``until`` when that is taken for true."""

    fingerprint: Fingerprint
    until: float
    handshake: Handshake


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
        start_runner: Callable[..., Awaitable[Runner]],
    ) -> None:
        self._broker = broker
        self._clock = clock
        self._settings = settings
        self._membership = membership
        self._locate = locate
        self._start_runner = start_runner
        self._started = 0
        self._endpoint = MetsEndpoint()
        self._plain: dict[Path, _Plain] = {}

    async def start(self, processor: str) -> Runner:
        """Raises OffizinError and whatever else keeps it from loading."""
        executable = self._locate(processor)
        if self._is_plain(executable):
            runner: Runner = await self._start_plain(executable)
        else:
            try:
                runner = await self._start_warm(processor, executable)
            except RunnerNotPython as error:
                # Advice: it was silent for too long, and may be a Python processor all the same.
                level = logging.WARNING if error.advice else logging.INFO
                log.log(level, "%s is called for each piece, as no runner begins in it: %s", processor, error)
                runner = await self._start_plain(executable)
        if (left := self._membership.lease_left()) < math.inf:
            runner.renew(left)
        return runner

    async def stop(self) -> None:
        """Once no runner is left."""
        await self._endpoint.stop()

    def _is_plain(self, executable: Path) -> bool:
        if (known := self._plain.get(executable)) is None:
            return False
        return known.until > self._clock.monotonic() and known.fingerprint == Fingerprint.of(executable)

    async def _start_warm(self, processor: str, executable: Path) -> Runner:
        self._started += 1
        return await self._start_runner(
            executable,
            log=self._settings.logs / f"{processor}-{self._started}.log",
            threads=self._settings.threads,
            load_limit=self._settings.load_limit,
            job_logs=self._settings.job_logs,
            environment=self._settings.environment(executable),
        )

    async def _start_plain(self, executable: Path) -> Runner:
        settings = self._settings
        environment = program_environment(settings.environment(executable), settings.threads)
        if not self._is_plain(executable):
            fingerprint = Fingerprint.of(executable)
            handshake = await handshake_of(executable, environment, settings.load_limit)
            self._plain[executable] = _Plain(fingerprint, self._clock.monotonic() + PLAIN_FOR, handshake)
        return PlainProgram(
            executable,
            self._plain[executable].handshake,
            environment=environment,
            owner=settings.logs,
            job_logs=settings.job_logs,
            endpoint=self._endpoint,
        )

    async def tell_loaded(self, processor: str, handshake: Handshake) -> None:
        await self._tell_servers(Message(Kind.LOADED, encode(replace(handshake, processor=processor))))

    async def tell_unloadable(self, processor: str, why: Exception) -> None:
        await self._tell_servers(Message(Kind.UNLOADABLE, encode(Unloadable(processor, str(why)))))

    async def _tell_servers(self, message: Message) -> None:
        for server in self._membership.servers():
            await publish_at_last(self._broker, self._clock, results_of(server), [message])
