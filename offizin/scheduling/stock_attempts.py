"""What workers of the reference need of the scheduler, for the attempts that are with them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from offizin.messages import AttemptName, File, LogPart
from offizin.scheduling.arriving_logs import ArrivingLogs
from offizin.scheduling.dispatch import Dispatcher
from offizin.scheduling.dispatched import Dispatched
from offizin.scheduling.mets_servers import MetsServers
from offizin.stock_workers.attempts import AttemptOver


class StockAttempts:
    """``url`` gives the URL of the METS server for the workspace with this METS."""

    def __init__(self, dispatcher: Dispatcher, servers: MetsServers, url: Callable[[Path], str]) -> None:
        self._dispatcher = dispatcher
        self._servers = servers
        self._url = url
        self._open: dict[AttemptName, Dispatched] = {}
        self._late: dict[AttemptName, Dispatched] = {}

    async def open(self, name: AttemptName) -> str:
        piece = self._open.get(name)
        if piece is None:
            piece = self._dispatcher.piece(name)
            if piece is None:
                raise AttemptOver(f"attempt {name.attempt} at job {name.job} is over")
            self._open[name] = piece
            await self._servers.adopt([piece])
        return self._url(await asyncio.to_thread(piece.context.mets.resolve))

    def close(self, name: AttemptName, late: str = "") -> list[File]:
        piece = self._open.pop(name, None)
        if piece is None:
            return []
        if late:
            self._late[name] = piece
        return self._servers.close(piece, late)

    def forgive(self, name: AttemptName) -> None:
        if (piece := self._late.pop(name, None)) is not None:
            self._servers.forgive(piece)


class LogsInPlace:
    """Takes parts of logs where the server's own process reads them."""

    def __init__(self, logs: ArrivingLogs) -> None:
        self._logs = logs

    async def send(self, part: LogPart) -> None:
        await self._logs.keep([part])
