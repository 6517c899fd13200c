"""Signs of life of the servers that share a database, and what becomes of the work of one that gives none.

Only where others can be: on a database of the server's own nothing is written and nobody is watched.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path
from typing import TypeVar

from offizin.clock import Clock
from offizin.errors import TakenOver, Unavailable
from offizin.scheduling.priorities import as_if_submitted_now
from offizin.scheduling.workforce import LeftBehind
from offizin.store import callbacks, jobs, pieces, runs, servers, workspaces
from offizin.store.servers import ServerIdentity, ServerRow
from offizin.store.transaction import Database, Transaction
from offizin.upkeep.service import Periodic
from offizin.upkeep.silence import Silence

log = logging.getLogger(__name__)
T = TypeVar("T")

# Between two beats, in seconds; more of them in a short lease.
INTERVAL = 2.0
IN_A_LEASE = 5
# What it does in its process a server ends when its lease is over; only so much later (of the lease) others go on.
MARGIN = 0.2
# Workspaces that change their owner in one transaction, so that it does not hold up others for long.
AT_ONCE = 10


class ServerHeartbeats(Periodic):
    """Of this ``server``. ``virtual_time`` by processor and priority. ``forget`` is called with METS files whose
    workspaces will be ours; ``moved`` when some of a dead server's
    waiting work is ours now; ``taken_over`` when all is, with what it had in flight (raises Unavailable; then it is
    called again); ``alive`` with the seconds that the others wait from now on, if there are any; ``fenced`` when
    another server has taken over from this one."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        server: ServerIdentity,
        lease: float,
        *,
        virtual_time: Callable[[str, int], int],
        forget: Callable[[Sequence[Path]], None],
        moved: Callable[[], Awaitable[None]],
        taken_over: Callable[[LeftBehind], Awaitable[None]],
        alive: Callable[[float], None],
        fenced: Callable[[], None],
    ) -> None:
        super().__init__(clock)
        self._database = database
        self._server = server
        self._interval = min(INTERVAL, lease / IN_A_LEASE)
        self._lease = lease
        self._silence = Silence(lease * (1 + MARGIN))
        self._had_others = False
        self._lease_until = math.inf  # on our monotonic clock; as long as nobody else was there
        self._virtual_time = virtual_time
        self._forget = forget
        self._moved = moved
        self._taken_over = taken_over
        self._alive = alive
        self._fenced = fenced
        self._inheriting: dict[int, asyncio.Task[None]] = {}  # by the dead server
        self._nothing_left: set[ServerRow] = set()

    @property
    def may_write(self) -> bool:
        """Whether nobody else can have taken over yet. To be asked in any thread."""
        return self._clock.monotonic() < self._lease_until

    @property
    def others(self) -> list[ServerRow]:
        """The other servers that live."""
        return self._silence.living()

    async def start(self) -> None:
        if self._database.shared:
            await super().start()

    async def stop(self) -> None:
        """What is not taken over yet, another server takes over."""
        await super().stop()
        for task in self._inheriting.values():
            task.cancel()
        await asyncio.gather(*self._inheriting.values(), return_exceptions=True)

    async def work(self) -> float | None:
        try:
            return await self._look_around()
        except Exception:
            log.exception("this server cannot show that it lives")
            return self._interval  # a minute's rest would be its end

    async def _look_around(self) -> float | None:
        sent_at = self._clock.monotonic()
        try:
            lives, rows = await self._database.write(self._beat)
        except TakenOver:
            lives, rows = False, []
        except Unavailable as error:
            log.error("this server cannot show that it lives: %s", error)
            return self._interval
        if not lives:
            self._fenced()
            return None
        self._silence.look([row for row in rows if row.seq != self._server.seq], self._clock.monotonic())
        living = {row.seq for row in self.others}
        self._had_others = self._had_others or bool(living)
        if self._had_others:
            self._lease_until = sent_at + self._lease
            if (left := self._lease_until - self._clock.monotonic()) > 0:
                self._alive(left)
        for dead in self._silence.dead():
            if dead.heir not in living and dead.seq not in self._inheriting and dead not in self._nothing_left:
                task = asyncio.create_task(self._inherit(dead), name=f"inherit from {dead.name}")
                self._inheriting[dead.seq] = task
                task.add_done_callback(lambda _, seq=dead.seq: self._inheriting.pop(seq))  # type: ignore[misc]
        return self._interval

    def _beat(self, tx: Transaction) -> tuple[bool, list[ServerRow]]:
        return servers.beat(tx, self._server), servers.all_of_them(tx)

    async def _inherit(self, dead: ServerRow) -> None:
        """Take over what the server has left, if it has left something and nobody else is quicker."""
        if not await self._at_last(lambda: self._database.read(lambda tx: _owns_something(tx, dead.seq))):
            self._nothing_left.add(dead)
            return
        found = await self._at_last(lambda: self._database.write(lambda tx: self._fence(tx, dead), synced=True))
        if found is None:
            return
        fenced, left = found
        log.warning("server %s at %s shows no life: its work is taken over", dead.name, dead.address or "no address")
        while await self._at_last(lambda: self._move_some(fenced)):
            await self._at_last(self._moved)
        await self._at_last(lambda: self._taken_over(left))

    async def _at_last(self, work: Callable[[], Awaitable[T]]) -> T:
        """Again and again until the database can do it: what is begun is known to nobody else."""
        while True:
            try:
                return await work()
            except Unavailable as error:
                log.error("the work of a dead server cannot be taken over now: %s", error)
                await self._clock.sleep(self._interval)

    def _fence(self, tx: Transaction, dead: ServerRow) -> tuple[ServerRow, LeftBehind] | None:
        fenced = servers.fence(tx, dead, self._server)
        if fenced is None:
            return None
        singles = frozenset(row.seq for row in jobs.in_flight(tx, dead.seq) if row.page is not None)
        of_many = frozenset((row.job, row.number) for row in pieces.in_flight(tx, dead.seq))
        servers.take_heirlooms(tx, dead, self._server)
        return fenced, LeftBehind(dead.name, singles, of_many)

    async def _move_some(self, dead: ServerRow) -> bool:
        """Whether there was something to move."""
        some = await self._database.read(lambda tx: workspaces.with_work_of(tx, dead.seq, AT_ONCE))
        # What was known of them is from before the dead server had them.
        self._forget([Path(mets) for _, mets in some])
        return await self._database.write(lambda tx: self._move(tx, dead, [seq for seq, _ in some]), synced=True)

    def _move(self, tx: Transaction, dead: ServerRow, some: Collection[int]) -> bool:
        """Take these workspaces over, and the callbacks that are to be made."""
        if servers.by_seq(tx, dead.seq) != dead:
            return False  # it has started again, and keeps the rest
        callbacks.move(tx, dead.seq, self._server.seq)
        if some:
            workspaces.move(tx, some, self._server.seq)
        for run, priority in runs.live_of(tx, some):
            # Its places in the fair order were those among the dead server's runs.
            as_if_submitted_now(tx, run, priority, self._virtual_time)
        return bool(some)


def _owns_something(tx: Transaction, server: int) -> bool:
    return bool(workspaces.with_work_of(tx, server, 1)) or callbacks.next_due(tx, server) is not None
