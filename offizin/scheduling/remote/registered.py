"""The processors that workers have: on whatever host, described by their workers."""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import msgspec

from offizin.errors import ProcessorUnknown
from offizin.messages import Tool
from offizin.processors.tool_description import ToolDescription
from offizin.scheduling.remote.sessions import Sessions
from offizin.store import tool_descriptions
from offizin.store.tool_descriptions import Described
from offizin.store.transaction import Database, Transaction


class RegisteredProcessors:
    """As ``processors.discovery.Discovery``, of what has a living worker."""

    def __init__(self, database: Database, sessions: Sessions) -> None:
        self.look_for: Callable[[str], Awaitable[object]] | None = None  # a worker that nobody has heard of yet
        self._database = database
        self._sessions = sessions
        self._described: dict[str, tuple[str, ToolDescription]] = {}

    def names(self) -> list[str]:
        return sorted(self._sessions.processors())

    def require(self, name: str) -> None:
        """Raises ProcessorUnknown when no living worker has it."""
        names = self.names()
        if name in names:
            return
        close = difflib.get_close_matches(name if name.startswith("ocrd-") else f"ocrd-{name}", names, n=3, cutoff=0.6)
        raise ProcessorUnknown(
            f"no worker has the processor {name}",
            advice=(f"Did you mean {' or '.join(close)}? " if close else "")
            + f"Start a worker that has it: offizin worker {name} --queue … --server …"
            + (f". There are workers for: {', '.join(names)}." if names else ". No worker is there at all."),
        )

    async def describe(self, name: str) -> ToolDescription:
        """Raises ProcessorUnknown when no living worker has it."""
        if self.look_for is not None and name not in self._sessions.processors():
            await self.look_for(name)
        self.require(name)
        found = await self._database.read(lambda tx: tool_descriptions.get(tx, name))
        if found is None:
            raise ProcessorUnknown(f"the worker of {name} has not said yet what it is", advice="Try again in a moment.")
        known = self._described.get(name)
        if known is None or known[0] != found.fingerprint:
            tool = msgspec.json.decode(found.tool)
            known = self._described[name] = found.fingerprint, ToolDescription(name, Path(name), tool, found.version)
        return known[1]

    async def describe_all(self) -> list[ToolDescription]:
        found = []
        for name in self.names():
            try:
                found.append(await self.describe(name))
            except ProcessorUnknown:
                continue  # its worker is gone, or is about to say what it is
        return found

    async def version(self, name: str) -> str:
        """Raises ProcessorUnknown."""
        return (await self.describe(name)).version

    async def close(self) -> None:
        """Nothing is open."""


def put_tools(tx: Transaction, tools: Sequence[Tool]) -> None:
    """Keep what a worker has said of its processors."""
    tool_descriptions.put(
        tx, [Described(t.processor, t.fingerprint, t.version, bytes(t.description).decode()) for t in tools]
    )
