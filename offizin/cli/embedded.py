"""A server for the length of a command, in its own process.

It listens on a Unix socket in a directory that only the user can enter. So the command talks to it as to any server,
streams included, and other commands on the same home find it while it is there.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from offizin.api.connections import Bounds
from offizin.api.serving import Serving
from offizin.cli.verbosity import show_errors_only
from offizin.client import UNIX
from offizin.processing_server import ProcessingServer
from offizin.settings import Settings


@asynccontextmanager
async def embedded_server(settings: Settings, *, work: bool = True) -> AsyncIterator[str]:
    """Gives the URL. Without ``work`` it answers and takes orders, but starts no processor.

    Raises HomeInUse and Unavailable.
    """
    if not work:
        settings = replace(settings, slots=0, threads_per_runner=1)
        show_errors_only()
    # Nobody but this user reaches it, wherever a server with these settings would listen.
    settings = replace(settings, host="127.0.0.1", workspace_roots=None, callback_hosts=None)
    app = ProcessingServer(settings=settings)
    with tempfile.TemporaryDirectory(prefix="offizin-") as directory:
        async with app.running() as offizin:
            url = f"{UNIX}{Path(directory) / 'server'}"
            listening = asyncio.Event()

            def publish() -> None:
                if work:
                    offizin.home.publish_address(url)
                listening.set()

            bounds = Bounds(settings.connections_per_client, settings.client_pause_limit)
            serving = _Embedded(app, bounds, listening=publish, stopping=offizin.stop)
            serving.config.uds = url.removeprefix(UNIX)
            task = asyncio.create_task(serving.serve(), name="embedded server")
            try:
                await _first(listening, task)
                yield url
            finally:
                serving.should_exit = True
                with suppress(asyncio.CancelledError):
                    await task


class _Embedded(Serving):
    """Signals belong to the command."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _first(listening: asyncio.Event, task: asyncio.Task[None]) -> None:
    """Until it listens; raises what has ended the task instead."""
    waiting = asyncio.create_task(listening.wait())
    await asyncio.wait([waiting, task], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if task.done():
        await task
