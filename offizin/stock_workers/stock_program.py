"""A worker of the reference behind the face of RunnerProcess: pieces go to it as messages, one at a time."""

from __future__ import annotations

import asyncio
import signal
from collections import deque
from collections.abc import AsyncGenerator

from offizin.messages import Handshake, decode_piece, encode
from offizin.stock_workers.stock_jobs import Done, StockJobs
from offizin.workers.runner_lines import Reported, RunnerEvent, Started


class StockProgram:
    """None in particular: whichever takes the next message from the queue. ``kill`` ends what is out for us; nobody can
    end the worker's own work."""

    def __init__(self, handshake: Handshake, jobs: StockJobs) -> None:
        self.handshake = handshake
        self.memory = None
        self.pid = 0  # on whichever host
        self._jobs = jobs
        self._pieces: deque[bytes] = deque()
        self._events: list[RunnerEvent] = []
        self._done: list[Done] = []
        self._wakened, self._arrived = asyncio.Event(), asyncio.Event()
        self._leaving = self._busy = self._killed = False
        self._work = asyncio.create_task(self._do_all(), name=f"stock program {handshake.processor}")

    def send(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._wakened.set()

    def renew(self, seconds: float) -> None:
        """Only this process writes for it."""

    def pause(self, seconds: float) -> None:
        """Never so much to hear."""

    async def events(self) -> AsyncGenerator[list[RunnerEvent], None]:
        """Whoever asks for the next ones has taken care of those before."""
        while True:
            while not self._events and not self._work.done():
                await self._arrived.wait()
                self._arrived.clear()
            if not self._events:
                return
            events, self._events = self._events, []
            done, self._done = self._done, []
            yield events
            for each in done:
                await self._jobs.settle(each)

    async def stop(self, grace: float) -> None:
        self._leaving = True
        self._wakened.set()
        await asyncio.wait({self._work}, timeout=grace)
        self.kill()
        await self.wait()

    def kill(self) -> None:
        if not self._work.done():
            self._killed = True
            self._work.cancel()

    async def wait(self) -> int:
        await asyncio.wait({self._work})
        return -signal.SIGKILL if self._killed else 0

    async def _do_all(self) -> None:
        try:
            while True:
                if self._pieces:
                    await self._do(self._pieces.popleft())
                elif self._leaving:
                    break
                else:
                    await self._wakened.wait()
                    self._wakened.clear()
        finally:
            # whoever listens hears the rest first: the task is done when it looks again
            asyncio.get_running_loop().call_soon(self._arrived.set)

    async def _do(self, body: bytes) -> None:
        self._tell(Started())
        done = await self._jobs.do(decode_piece(body), body)
        self._done.append(done)
        self._tell(Reported(True, encode(done.result)))

    def _tell(self, event: RunnerEvent) -> None:
        self._events.append(event)
        self._arrived.set()
