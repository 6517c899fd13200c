"""aiormq may answer to the cancellation of a call with the loss of its channel: who goes on after a loss asks here."""

from __future__ import annotations

import asyncio


class Cancellation:
    """Of this task, from now on. What it was cancelled for before does not count: it may be cleaning up."""

    def __init__(self) -> None:
        self._before = _count()

    def heed(self) -> None:
        """Raises CancelledError if the task was cancelled, and the error that said so was taken for another one."""
        if _count() > self._before:
            raise asyncio.CancelledError


def _count() -> int:
    task = asyncio.current_task()
    return task.cancelling() if task is not None else 0
