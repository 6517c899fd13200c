"""What jobs wrote on other machines, as it comes with results, or before them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from offizin.logs import LogParts
from offizin.messages import AttemptName, LogPart, Result
from offizin.scheduling.dispatch import Dispatcher

log = logging.getLogger(__name__)


class ArrivingLogs:
    def __init__(self, dispatcher: Dispatcher, parts: LogParts) -> None:
        self._dispatcher = dispatcher
        self._parts = parts

    async def keep(self, parts: Sequence[LogPart]) -> None:
        """To be called before the results are taken in that they came with: what comes again after that was written
        then, and is dropped here."""
        found = [
            (piece.context.run_id, part)
            for part in parts
            if (piece := self._dispatcher.piece(AttemptName(part.job, part.attempt, part.piece))) is not None
        ]
        if not found:
            return

        def write() -> None:
            for run, part in found:
                self._parts.write(run, part.job, part.attempt, part.piece, part.offset, part.content)

        try:
            await asyncio.to_thread(write)
        except OSError as error:
            log.error("logs of jobs cannot be written: %s", error)


def logs_of(results: Sequence[Result]) -> list[LogPart]:
    return [LogPart(r.job, r.attempt, r.piece, r.log_offset, r.log) for r in results if r.log]
