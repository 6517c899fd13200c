"""Work in flight that this process did not send, or of which it no longer knows whether it lies in its queues.

After a restart, and after the broker was lost: every worker is heard first (or its lease lapses). What somebody has
goes on there; the rest is sent once more, to be claimed. Nothing is taken away from a worker that works.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from offizin.clock import Clock
from offizin.errors import OffizinError, Unavailable
from offizin.jobs import State
from offizin.scheduling.contexts import Contexts
from offizin.scheduling.dispatch import Dispatcher
from offizin.scheduling.dispatched import Dispatched
from offizin.scheduling.lanes import Lanes
from offizin.scheduling.remote.losses import Losses
from offizin.scheduling.remote.sessions import Sessions
from offizin.scheduling.retry_policy import Limits, after_loss
from offizin.scheduling.sending import Sending
from offizin.scheduling.workforce import LeftBehind
from offizin.store import holders, jobs, pieces
from offizin.store.transaction import Database, Transaction

log = logging.getLogger(__name__)

# Before another try when the database or a METS cannot be used, in seconds.
PAUSE = 1.0


class Adoption:
    """``drained`` waits until all is heard that lies in queues other than our own: heartbeats may overtake it."""

    def __init__(
        self,
        database: Database,
        dispatcher: Dispatcher,
        sending: Sending,
        lanes: Lanes,
        contexts: Contexts,
        sessions: Sessions,
        losses: Losses,
        clock: Clock,
        limits: Limits,
        drained: Callable[[], Awaitable[None]],
    ) -> None:
        self._database = database
        self._dispatcher = dispatcher
        self._sending = sending
        self._lanes = lanes
        self._contexts = contexts
        self._sessions = sessions
        self._losses = losses
        self._clock = clock
        self._limits = limits
        self._drained = drained
        self._task: asyncio.Task[None] | None = None
        self._once_more = False

    async def adopt(self, server: int, left: LeftBehind | None = None) -> int:
        """Take up all that is in flight of what this server owns, and that it does not know of yet; or, of that, what a
        dead one has ``left``. How many pieces."""
        found = [
            piece
            for piece in await self._database.read(lambda tx: self._in_flight(tx, server))
            if (piece.id, piece.piece) not in self._dispatcher.out
            and (left is None or piece.seq in left.jobs or (piece.seq, piece.piece) in left.pieces)
        ]
        lanes = {}
        for mets in {piece.context.mets for piece in found}:
            try:
                lanes[mets] = await self._lanes.open(mets, self._clock.now())
            except OffizinError as error:
                log.error("%s is not readable, and pieces of it are under way: %s", mets, error)
        for piece in found:
            piece.lane = lanes.get(piece.context.mets)
            if piece.lane is not None:
                piece.lane.in_flight += 1
        self._dispatcher.adopt(found)
        return len(found)

    def settle(self) -> None:
        """Find out who has what, and send again what nobody has; in the background."""
        self._once_more = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._settle_all(), name="adoption")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _settle_all(self) -> None:
        while self._once_more:
            self._once_more = False
            try:
                await self._settle()
            except Unavailable as error:
                log.error("what is in flight cannot be looked after now: %s", error)
                await self._clock.sleep(PAUSE)
                self._once_more = True

    async def _settle(self) -> None:
        out = [piece for piece in self._dispatcher.out.values() if piece.sent]
        if not out:
            return
        await self._sessions.hear_all()
        await self._drained()
        living = self._sessions.living
        still_out = [piece for piece in out if self._dispatcher.out.get((piece.id, piece.piece)) is piece]
        found: list[tuple[Dispatched, str]] = []
        nobodys: list[Dispatched] = []
        lost: list[Dispatched] = []
        for piece in still_out:
            holder = self._sessions.holder(piece.name)
            if holder is not None:
                found.append((piece, holder))
            elif piece.holder is None or piece.holder in living:
                nobodys.append(piece)
            else:
                lost.append(piece)
        await self._note(found)
        if lost:
            await self._losses.lost(lost, crashed=True)
        if unreadable := [piece for piece in nobodys if piece.lane is None]:
            # Sent anew they say what is wrong with their METS, if anything still is.
            await self._losses.lost(unreadable, crashed=False)
        nobodys = [piece for piece in nobodys if piece.lane is not None]
        for piece in nobodys:
            piece.holder = None
        if nobodys or found:
            log.info("%d pieces are with workers, %d are sent again", len(found), len(nobodys))
        await self._sending.send_again(nobodys)

    async def _note(self, found: Sequence[tuple[Dispatched, str]]) -> None:
        new = [(piece, session) for piece, session in found if piece.holder != session]
        if not new:
            return
        holds = [piece.held_by(session) for piece, session in new]
        await self._database.write(lambda tx: holders.hold(tx, holds), synced=True)
        for piece, session in new:
            piece.holder = session

    def _in_flight(self, tx: Transaction, server: int) -> list[Dispatched]:
        rows = {row.seq: row for row in jobs.in_flight(tx, server)}
        parts = pieces.in_flight(tx, server)
        rows |= jobs.rows(tx, {part.job for part in parts} - rows.keys())
        ways = {(row.run, row.step, row.alternative) for row in rows.values()}
        ways |= {(rows[part.job].run, rows[part.job].step, part.alternative) for part in parts}
        self._contexts.load(tx, ways)
        of_jobs, of_pieces = holders.of_jobs(tx, server), holders.of_pieces(tx, server)
        found: list[Dispatched] = []
        for row in rows.values():
            if row.page is not None:
                context = self._contexts.get(row.run, row.step, row.alternative)
                found.append(
                    Dispatched(
                        row.seq, row.id, 0, row.attempt, False, context, [row.page], row.processor,
                        alone=after_loss(row.losses, self._limits).alone, tries=row.tries,
                        overwrite=context.overwrite or row.overwrite,
                        holder=of_jobs.get(row.seq), sent=True,
                    )
                )  # fmt: skip
        for part in parts:
            row = rows[part.job]
            if row.state in (State.QUEUED, State.RUNNING):
                context = self._contexts.get(row.run, row.step, part.alternative)
                pages = [page.page for page in pieces.pages_of_piece(tx, part.job, part.number)]
                found.append(
                    Dispatched(
                        row.seq, row.id, part.number, part.attempt, True, context, pages, context.processor,
                        alone=after_loss(part.losses, self._limits).alone, tries=part.tries,
                        overwrite=context.overwrite or row.overwrite,
                        holder=of_pieces.get((part.job, part.number)), sent=True,
                    )
                )  # fmt: skip
        return found
