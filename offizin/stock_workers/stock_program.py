"""A worker of the reference behind the face of RunnerProcess: pieces go to it as messages, one at a time."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator

from offizin.messages import Handshake, decode_piece, encode
from offizin.stock_workers.stock_jobs import Done, StockJobs
from offizin.workers.one_by_one import OneByOne
from offizin.workers.runner_lines import Reported, RunnerEvent, Started


class StockProgram(OneByOne):
    """None in particular: whichever takes the next message from the queue. ``kill`` ends what is out for us; nobody can
    end the worker's own work."""

    def __init__(self, handshake: Handshake, jobs: StockJobs) -> None:
        self.pid = 0  # on whichever host
        self._jobs = jobs
        self._done: list[Done] = []
        super().__init__(handshake, f"stock program {handshake.processor}")

    def renew(self, seconds: float) -> None:
        """Only this process writes for it."""

    def pause(self, seconds: float) -> None:
        """Never so much to hear."""

    async def events(self) -> AsyncGenerator[list[RunnerEvent], None]:
        """Whoever asks for the next ones has taken care of those before."""
        async for events in super().events():
            done, self._done = self._done, []
            yield events
            for each in done:
                await self._jobs.settle(each)

    def kill(self) -> None:
        if not self._work.done():
            self._killed = True
            self._work.cancel()

    async def wait(self) -> int:
        await asyncio.wait({self._work})
        return -signal.SIGKILL if self._killed else 0

    async def _do(self, body: bytes) -> None:
        self._tell(Started())
        done = await self._jobs.do(decode_piece(body), body)
        self._done.append(done)
        self._tell(Reported(True, encode(done.result)))
