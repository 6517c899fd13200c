"""What a worker tells servers of pieces: that it has them, and what became of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from offizin.brokers.at_last import publish_at_last
from offizin.brokers.broker import Broker, Kind, Message, results_of
from offizin.clock import Clock
from offizin.logs import log_tail
from offizin.messages import Cause, Result, Taken, encode, results_together, with_log
from offizin.workers.attempt_logs import AttemptLogs
from offizin.workers.membership import Held


@dataclass(frozen=True, slots=True)
class Report:
    """A runner's report on a piece, encoded; ``end``: its last one."""

    held: Held
    body: bytes
    end: bool


class Reports:
    """``directory`` is that of job logs; ``logs`` sees to them where a server's own home is elsewhere."""

    def __init__(self, broker: Broker, clock: Clock, session: str, directory: Path, logs: AttemptLogs | None) -> None:
        self._broker = broker
        self._clock = clock
        self._session = session
        self._directory = directory
        self._logs = logs

    async def taken(self, held: Held, running: float | None) -> None:
        """It is here, and has been running for so many seconds (None: a runner has it, but has not begun it). Then the
        broker may forget it. Raises Unavailable."""
        ticket = held.ticket
        note = Taken(ticket.job, ticket.attempt, ticket.piece, running or 0.0, running is not None, self._session)
        await self._broker.publish(results_of(held.server), [Message(Kind.TAKEN, encode(note))])

    async def pass_on(self, reports: Sequence[Report]) -> None:
        """In this order. Returns when the broker has them; what they end is acknowledged then.

        A broker in the network may lose what it had, and still have what comes after that: so the end of a piece goes
        in one message with all that was told of its pages before. Servers know what they have heard already.
        """
        ended = [report.held for report in reports if report.end]
        logs = iter(await self._logs.ends(ended)) if self._logs is not None and ended else None
        by_origin: dict[tuple[str, str], list[bytes]] = {}
        for report in reports:
            body = with_log(report.body, *next(logs)) if logs is not None and report.end else report.body
            if report.held.server:
                report.held.told.append(body.rstrip())
                body = b"\n".join(report.held.told) if report.end else body
            by_origin.setdefault((report.held.server, report.held.session), []).append(body)
        for (server, session), bodies in by_origin.items():
            # Within one process a message costs nothing.
            together = results_together(bodies) if server else bodies
            messages = [Message(Kind.RESULT, body, sender=session) for body in together]
            await publish_at_last(self._broker, self._clock, results_of(server), messages)
        for held in ended:
            held.delivery.acknowledge()

    async def forget_logs(self, reports: Sequence[Report]) -> None:
        """Of what has been passed on, and is over."""
        if self._logs is not None:
            await self._logs.delete([report.held for report in reports if report.end])

    async def end(
        self, held: Held, cause: Cause, message: str, seconds: float = 0.0, *, runner: int = 0, peak_memory: int = 0
    ) -> None:
        """The end of a piece whose ``runner`` (its process id) cannot speak for itself. ``peak_memory`` in bytes."""
        log = self._directory / held.ticket.log
        tail = "" if cause is Cause.CANCELLED else await asyncio.to_thread(log_tail, log)
        await self._say(held, cause, message, seconds=seconds, log_tail=tail, runner=runner, peak_memory=peak_memory)

    async def hand_back(self, held: Held) -> None:
        """Somebody else shall do it, and nobody is to blame."""
        await self._say(held, Cause.WORKER_LOST, "its worker was stopped", charged=False)

    async def _say(self, held: Held, cause: Cause, message: str, **more: Any) -> None:
        ticket = held.ticket
        result = Result(ticket.job, ticket.attempt, ticket.piece, cause=cause, message=message, **more)
        reports = [Report(held, encode(result), end=True)]
        await self.pass_on(reports)
        await self.forget_logs(reports)
