"""Work that goes on beside whoever began it, and ends with it at the latest."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine


class Background:
    """Keeps hold of its tasks, which the event loop alone does not. What they raise is told by asyncio."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        """Returns when all of it has ended by itself."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def cancel(self, patience: float = 0.0) -> None:
        """End all of it; what can finish within ``patience`` seconds may do so. Returns when nothing is left."""
        tasks = list(self._tasks)
        if tasks and patience:
            await asyncio.wait(tasks, timeout=patience)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
