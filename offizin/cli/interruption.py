"""Ctrl-C and SIGTERM: the first asks to end cleanly, the second ends at once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from offizin.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """``wait`` returns once the user wants to end."""

    def __init__(self) -> None:
        self._requested = asyncio.Event()

    @property
    def requested(self) -> bool:
        return self._requested.is_set()

    async def wait(self) -> None:
        await self._requested.wait()

    def request(self) -> None:
        self._requested.set()


@contextmanager
def interruption(leave: Callable[[], None]) -> Iterator[Interruption]:
    """Within a running event loop of the main thread. ``leave`` is called before the process is ended at once."""
    asked = Interruption()
    loop = asyncio.get_running_loop()

    def caught() -> None:
        if asked.requested:
            leave()
            os._exit(Interrupted.exit_code)
        asked.request()

    for number in SIGNALS:
        loop.add_signal_handler(number, caught)
    try:
        yield asked
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
