"""What a server has started on machines, kept in its database."""

from __future__ import annotations

from collections.abc import Sequence

from offizin.clock import Clock
from offizin.store import deployed
from offizin.store.deployed import DeployedRow
from offizin.store.transaction import Database


class DeployedMemory:
    """``offizin.deployment.wanted.Memory`` for the server with number ``server``."""

    def __init__(self, database: Database, server: int, clock: Clock) -> None:
        self._database = database
        self._server = server
        self._clock = clock

    async def load(self) -> Sequence[DeployedRow]:
        return await self._database.read(lambda tx: deployed.of_server(tx, self._server))

    async def add(self, *, host: str, kind: str, name: str, identity: str, details: str) -> int:
        now = self._clock.now()
        return await self._database.write(
            lambda tx: deployed.add(
                tx, self._server, host=host, kind=kind, name=name, identity=identity, details=details, now=now
            ),
            synced=True,
        )

    async def identify(self, seq: int, identity: str, details: str) -> None:
        await self._database.write(lambda tx: deployed.identify(tx, seq, identity, details), synced=True)

    async def remove(self, seq: int) -> None:
        await self._database.write(lambda tx: deployed.remove(tx, seq), synced=True)
