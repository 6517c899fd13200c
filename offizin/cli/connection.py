"""Which server a command talks to: the one that is named, the one that runs on the home, or one of its own."""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from offizin.cli.options import SERVER_VARIABLE, TOKEN_VARIABLE
from offizin.client import Client
from offizin.clock import Clock, SystemClock
from offizin.errors import HomeInUse, Unavailable
from offizin.home import Home
from offizin.settings import Settings
from offizin.trust.shown_url import shown_url

T = TypeVar("T")

# So long a server that is just starting or ending is waited for, in seconds.
PATIENCE = 20.0


class Kind(StrEnum):
    NAMED = "named"
    JOINED = "joined"
    EMBEDDED = "embedded"


@dataclass(frozen=True, slots=True)
class Place:
    """As the command line says it. ``work``: whether a server of the command's own may start processors."""

    server: str | None = None
    home: Path | None = None
    slots: int | None = None
    work: bool = True

    def settings(self) -> Settings:
        """Raises SettingsInvalid."""
        return Settings.load(None, {"home": self.home, "slots": self.slots}, os.environ)

    @property
    def options(self) -> str:
        """What leads other commands to the same place; empty where they go there by themselves."""
        if self.server and self.server != os.environ.get(SERVER_VARIABLE):
            return f"--server {shlex.quote(shown_url(self.server))}"
        return f"--home {shlex.quote(str(self.home))}" if self.home and not self.server else ""


@dataclass(frozen=True, slots=True)
class Connection:
    client: Client
    kind: Kind


@asynccontextmanager
async def connect(place: Place, clock: Clock) -> AsyncIterator[Connection]:
    """Raises Unavailable when the named server does not answer, HomeInUse, SettingsInvalid."""
    async with AsyncExitStack() as stack:
        if place.server:
            token = os.environ.get(TOKEN_VARIABLE, "")
            client = await stack.enter_async_context(Client(place.server, token=token))
            await client.health()
            yield Connection(client, Kind.NAMED)
        else:
            yield await _at_home(place, clock, stack)


async def _at_home(place: Place, clock: Clock, stack: AsyncExitStack) -> Connection:
    settings = place.settings()
    deadline = clock.monotonic() + PATIENCE
    while True:
        try:
            home = Home(settings.home)
            url = home.address()
            if url is not None:
                client = await stack.enter_async_context(Client(url, token=home.token(), certificate=home.certificate))
                await client.health()
                return Connection(client, Kind.JOINED)
            from offizin.cli.embedded import embedded_server

            own = await stack.enter_async_context(embedded_server(settings, work=place.work))
            return Connection(await stack.enter_async_context(Client(own)), Kind.EMBEDDED)
        except (HomeInUse, Unavailable) as error:
            # Somebody is on it who starts or ends just now.
            in_use = isinstance(error, HomeInUse) or Home(settings.home).address() is not None
            if not in_use or clock.monotonic() > deadline:
                raise
        await clock.sleep(0.2)


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """The event loop that servers use, too."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def clock() -> Clock:
    return SystemClock()
