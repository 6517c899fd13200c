"""What a slot needs of whatever does its pieces: a warm runner, or a program that is called for each of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from offizin.messages import Handshake
from offizin.workers.memory import MemoryWatch
from offizin.workers.runner_lines import RunnerEvent


class Runner(Protocol):
    """Described where it is implemented, in RunnerProcess."""

    @property
    def pid(self) -> int: ...

    @property
    def memory(self) -> MemoryWatch | None:
        """None of what looks after that by itself."""
        ...

    @property
    def handshake(self) -> Handshake: ...

    def send(self, piece: bytes) -> None: ...

    def renew(self, seconds: float) -> None: ...

    def pause(self, seconds: float) -> None: ...

    def events(self) -> AsyncGenerator[list[RunnerEvent], None]: ...

    async def stop(self, grace: float) -> None: ...

    def kill(self) -> None: ...

    async def wait(self) -> int: ...
