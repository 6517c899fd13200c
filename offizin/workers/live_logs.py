"""While somebody follows a job's log on a server: what the job writes here is sent as it is written."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from offizin.clock import Clock
from offizin.errors import Unavailable
from offizin.workers.attempt_logs import AttemptLogs
from offizin.workers.membership import Held

log = logging.getLogger(__name__)

# How often followed logs are looked at, in seconds.
EVERY = 0.2


class LiveLogs:
    """``begun`` gives the pieces that runners are at."""

    def __init__(self, logs: AttemptLogs, begun: Callable[[], Sequence[Held]], clock: Clock) -> None:
        self._logs = logs
        self._begun = begun
        self._clock = clock
        self._until: dict[str, float] = {}  # by job
        self._task: asyncio.Task[None] | None = None

    def follow(self, job: str, seconds: float) -> None:
        """Send what it has written, and what it writes for so long."""
        self._until[job] = self._clock.monotonic() + seconds
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._tell(), name="live logs")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _tell(self) -> None:
        while self._until:
            for held in self._begun():
                if held.ticket.job in self._until:
                    try:
                        await self._logs.send_new(held)
                    except Unavailable as error:
                        log.warning("the log of job %s cannot be sent now: %s", held.ticket.job, error)
            await self._clock.sleep(EVERY)
            now = self._clock.monotonic()
            self._until = {job: until for job, until in self._until.items() if until > now}
