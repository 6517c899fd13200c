"""What workers say to us of work that another server owns is passed on to it.

They tell the server that sent a piece. While its work goes over to another one, or when it has started again
meanwhile, that is not always the one that waits for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from offizin.brokers.broker import Broker, Message, results_of
from offizin.store import jobs, servers
from offizin.store.transaction import Database, Transaction


class Strays:
    def __init__(self, database: Database, broker: Broker, server: int) -> None:
        self._database = database
        self._broker = broker
        self._server = server

    async def pass_on(self, said: Sequence[tuple[str, Message]]) -> None:
        """``(job, message)`` of what is not under way here. Raises Unavailable; then it can be called again: what comes
        twice changes nothing."""
        if not self._database.shared:
            return
        names = await self._database.read(lambda tx: self._owners(tx, {job for job, _ in said}))
        for name in set(names.values()):
            await self._broker.publish(results_of(name), [message for job, message in said if names.get(job) == name])

    def _owners(self, tx: Transaction, wanted: set[str]) -> dict[str, str]:
        """The names of the other servers that own these jobs, by job."""
        owners = {job: owner for job, owner in jobs.owners(tx, wanted).items() if owner != self._server}
        names = {row.seq: row.name for row in servers.all_of_them(tx)} if owners else {}
        return {job: names[owner] for job, owner in owners.items()}
