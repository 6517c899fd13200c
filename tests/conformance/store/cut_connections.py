"""A way to PostgreSQL that breaks just before or just after a COMMIT arrives."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from enum import Enum, auto
from pathlib import Path

from offizin.settings.database_url import DatabaseUrl


class Cut(Enum):
    BEFORE = auto()  # the database never hears of it
    AFTER = auto()  # the database does it, and its answer is lost


class Proxy:
    """Between a client and PostgreSQL's Unix socket. ``cuts``: what happens to the next COMMITs, in order (None:
    nothing)."""

    def __init__(self, target: DatabaseUrl) -> None:
        self._target = target
        self.cuts: list[Cut | None] = []
        self.refusing = False
        self._tasks: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[DatabaseUrl]:
        with tempfile.TemporaryDirectory(prefix="cut-") as directory:
            server = await asyncio.start_unix_server(self._serve, Path(directory) / ".s.PGSQL.5432")
            try:
                yield replace(self._target, host=directory)
            finally:
                server.close()
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self.refusing:
            to_client.close()
            return
        server, to_server = await asyncio.open_unix_connection(f"{self._target.host}/.s.PGSQL.5432")
        back = asyncio.create_task(self._pass_on(server, to_client))
        try:
            while data := await client.read(65536):
                cut = self.cuts.pop(0) if b"COMMIT;" in data and self.cuts else None
                if cut is Cut.AFTER:
                    back.cancel()
                    await asyncio.gather(back, return_exceptions=True)
                if cut is not Cut.BEFORE:
                    to_server.write(data)
                    await to_server.drain()
                if cut is Cut.AFTER:
                    await server.read(1)
                if cut is not None:
                    return
        finally:
            back.cancel()
            await asyncio.gather(back, return_exceptions=True)
            for writer in (to_server, to_client):
                writer.close()

    @staticmethod
    async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
        sink.close()
