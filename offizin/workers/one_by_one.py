"""What has the face of RunnerProcess and is no process of its own: it takes pieces, and does one after the other."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncGenerator

from offizin.messages import Handshake
from offizin.workers.runner_lines import RunnerEvent


class OneByOne(ABC):
    """``name`` is that of the task which does them. It ends when it is told to leave, or ``_killed``."""

    def __init__(self, handshake: Handshake, name: str) -> None:
        self.handshake = handshake
        self.memory = None  # nothing here outlives a piece
        self._pieces: deque[bytes] = deque()
        self._events: list[RunnerEvent] = []
        self._wakened, self._arrived = asyncio.Event(), asyncio.Event()
        self._leaving = self._killed = False
        self._work = asyncio.create_task(self._do_all(), name=name)

    @abstractmethod
    async def _do(self, body: bytes) -> None:
        """One encoded piece, from its beginning to the report of its end."""

    @abstractmethod
    def kill(self) -> None: ...

    @abstractmethod
    async def wait(self) -> int: ...

    def send(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._wakened.set()

    async def events(self) -> AsyncGenerator[list[RunnerEvent], None]:
        while True:
            while not self._events and not self._work.done():
                await self._arrived.wait()
                self._arrived.clear()
            if not self._events:
                return
            events, self._events = self._events, []
            yield events

    async def stop(self, grace: float) -> None:
        self._leaving = True
        self._wakened.set()
        await asyncio.wait({self._work}, timeout=grace)
        self.kill()
        await self.wait()

    async def _do_all(self) -> None:
        try:
            while not self._killed:
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

    def _tell(self, event: RunnerEvent) -> None:
        self._events.append(event)
        self._arrived.set()
