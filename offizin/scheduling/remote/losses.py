"""What becomes of the work of a worker that is no more, and of pieces that nobody has."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from offizin.clock import Clock
from offizin.errors import Unavailable
from offizin.scheduling.dispatch import Dispatcher
from offizin.scheduling.dispatched import Dispatched
from offizin.scheduling.recovery import PutBack, put_back
from offizin.scheduling.retry_policy import Limits
from offizin.store import holders, jobs, pieces
from offizin.store.transaction import Database, Transaction
from offizin.tallies import Tallies

log = logging.getLogger(__name__)

# Before another try when the database cannot be used, in seconds.
PAUSE = 1.0


class Losses:
    """``run_over`` and ``changed`` as in Completion."""

    def __init__(
        self,
        database: Database,
        dispatcher: Dispatcher,
        clock: Clock,
        limits: Limits,
        tallies: Tallies,
        *,
        run_over: Callable[[int], None],
        changed: Callable[[], None],
    ) -> None:
        self._database = database
        self._dispatcher = dispatcher
        self._clock = clock
        self._limits = limits
        self._tallies = tallies
        self._run_over = run_over
        self._changed = changed

    async def session_over(self, session: str, *, crashed: bool) -> None:
        """All that it held waits again (``crashed``: and counts as lost with its worker)."""
        held = [piece for piece in self._dispatcher.out.values() if piece.holder == session]
        await self.lost(held, crashed=crashed, session=session)

    async def lost(self, held: Sequence[Dispatched], *, crashed: bool, session: str | None = None) -> None:
        """Nobody works on these any more. Tried until it is written."""

        def write(tx: Transaction) -> PutBack:
            if session is not None:
                holders.remove_session(tx, session)
            rows = jobs.rows(tx, {piece.seq for piece in held if not piece.of_many})
            singles = [rows[p.seq] for p in held if not p.of_many and p.attempt == rows[p.seq].attempt]
            found = [(p, pieces.row(tx, p.seq, p.piece)) for p in held if p.of_many]
            of_many = [row for p, row in found if row is not None and row.attempt == p.attempt]
            return put_back(tx, singles, of_many, self._limits, self._clock.now(), crashed=crashed)

        for piece in held:
            piece.lost = True  # from now on nobody may begin with this attempt
        while True:
            try:
                back = await self._database.write(write, synced=True)
                break
            except Unavailable as error:
                log.error("what a worker has lost cannot be written now: %s", error)
                await self._clock.sleep(PAUSE)
        if held:
            log.warning("%d pieces were lost with their worker; %d of them wait again", len(held), back.recovered.again)
        self._tallies.ended.update(back.consequences.ended)
        for piece in held:
            self._dispatcher.over(piece, None)
        self._dispatcher.wake({piece.processor for piece in held} | back.consequences.ready)
        for run in back.consequences.ended_runs:
            self._run_over(run)
        self._changed()
