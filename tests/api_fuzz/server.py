"""The server that is fuzzed: its routes are real, its home and its books are thrown away, and it cannot be ended."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from offizin.offizin import Offizin
from offizin.processing_server import ProcessingServer
from offizin.scheduling.draining import StopMode
from offizin.settings import Settings
from tests.behaviour.books import make_book

BOOKS = 3
# Answers without an end are read for so long, in seconds.
ENOUGH = 0.2
ENDLESS = ("/events", "/processor/log/")


class HarmlessServer(ProcessingServer):
    """Two routes answer, and do nothing: the run would end with the one, processes of others with the other."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Offizin]:
        """With one processor alone: asking all that are installed here takes long."""
        async with super().running() as offizin:
            offizin.processors.directories = (self.settings.home.parent / "programs",)
            yield offizin

    def on_listening(self, url: str) -> None:
        print(url, flush=True)

    async def stop_deployed_agents(self, mode: StopMode = StopMode.STOP) -> None:
        return None

    async def kill_mets_server_zombies(self, minutes_ago: int | None = None, dry_run: bool | None = None) -> list[int]:
        return await super().kill_mets_server_zombies(minutes_ago, True)


class EndsStreams:
    """Answers of routes that go on for ever end after a while, as if the client had gone."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(ENDLESS):
            await self._app(scope, receive, send)
            return
        begun, ended = asyncio.Event(), False

        async def sending(message: Message) -> None:
            nonlocal ended
            ended = message["type"] == "http.response.body" and not message.get("more_body")
            await send(message)
            begun.set()

        answering = asyncio.ensure_future(self._app(scope, receive, sending))
        beginning = asyncio.ensure_future(begun.wait())
        await asyncio.wait({answering, beginning}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({answering}, timeout=ENOUGH)
        answering.cancel()
        beginning.cancel()
        await asyncio.gather(answering, beginning, return_exceptions=True)
        if begun.is_set() and not ended:
            await send({"type": "http.response.body", "body": b""})


def make_books(directory: Path) -> list[Path]:
    return [make_book(directory / f"book{number}", 3) for number in range(1, BOOKS + 1)]


def main(directory: Path) -> None:
    programs = directory / "programs"
    programs.mkdir()
    (programs / "ocrd-dummy").symlink_to(Path(sys.executable).with_name("ocrd-dummy"))
    server = HarmlessServer(settings=Settings(home=directory / "home", port=0, slots=2, log_level="WARNING"))
    server.add_middleware(EndsStreams)
    server.start()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
