"""Identical failures in a row: when a step of a run is to pause, so that a model that is gone costs a few pages and not
the book.

What fails for the cause of the pause while it lasts is no failure: nobody is charged, and it waits with the rest. So it
does not matter how much was on its way when the row became long enough. Counted in memory: a server that starts begins
to count anew, and finds in the database what is paused.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from offizin.messages import Cause
from offizin.scheduling.missing import Becomes, becomes
from offizin.scheduling.retry_policy import Next
from offizin.scheduling.verdicts import Verdict

# Not the processor's, or not of the step: these say nothing about what comes next. Nor do failures that policies
# forgive, or that are one because something was there already.
NOT_COUNTED = frozenset({Cause.CANCELLED, Cause.WORKER_LOST, Cause.NO_INPUT})

# Rows that are remembered; the oldest are forgotten.
MOST_ROWS = 10_000

Step = tuple[str, int]  # the run's id, and the number of the step from 0


@dataclass(frozen=True, slots=True)
class Row:
    """``pages``: (job, page) of those that failed for the cause, one after the other."""

    cause: Cause
    pages: frozenset[tuple[int, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Trip:
    """A step that is to pause; ``run`` is the number of its run."""

    step: Step
    run: int
    cause: Cause
    message: str


@dataclass(slots=True)
class Weighed:
    """What a group of verdicts does to the rows (None: a success ended it), and what is to pause."""

    rows: dict[Step, Row | None] = field(default_factory=dict)
    trips: dict[Step, Trip] = field(default_factory=dict)


class Breaker:
    """``limit``: so many pages in a row that fail for one cause; 0: never."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rows: dict[Step, Row] = {}
        self._paused: dict[Step, str] = {}

    def weigh(self, verdicts: Iterable[Verdict]) -> Weighed:
        """Count, in this order. Verdicts on what is paused, or is to pause now, are changed: what fails for that cause
        is put back. Nothing is remembered yet."""
        weighed = Weighed()
        if not self._limit:
            return weighed
        for verdict in verdicts:
            # One look for what goes well, as nearly everything does.
            if verdict.cause is not None or self._rows or weighed.rows or verdict.piece.has_put_back:
                self._weigh(verdict, weighed)
        return weighed

    def keep(self, weighed: Weighed, paused: Collection[Step]) -> None:
        """It is written down; of what was to pause, these steps had something left that can wait."""
        for step, row in weighed.rows.items():
            if row is None or step in weighed.trips:
                self._rows.pop(step, None)
            else:
                self._rows[step] = row
        self._paused.update({step: weighed.trips[step].cause for step in paused})
        while len(self._rows) > MOST_ROWS:  # those of runs that are over, mostly
            del self._rows[next(iter(self._rows))]

    def told(self, paused: Mapping[Step, str], resumed: Collection[Step]) -> None:
        """Somebody resumed these steps, whose rows begin anew, and then paused those (with the causes)."""
        for step in resumed:
            self._paused.pop(step, None)
            self._rows.pop(step, None)
        self._paused.update(paused)

    def _weigh(self, verdict: Verdict, weighed: Weighed) -> None:
        piece, result = verdict.piece, verdict.result
        step = (piece.context.run_id, piece.context.step)
        if result.missing_attribute or not result.charged or verdict.next is Next.AGAIN:
            return  # what is tried again has not failed yet: a runner that was killed says nothing of the next page
        kept = []
        for page in verdict.pages:
            if page.cause is None:
                weighed.rows[step] = None
                kept.append(page)
            elif page.existed or self._fails(verdict, step, page.page, page.cause, page.message, weighed):
                kept.append(page)
            else:
                verdict.put_back.append(page)
        verdict.pages = kept
        if verdict.put_back:
            piece.has_put_back = True
        if not result.end:
            return
        waits = piece.has_put_back
        if result.cause is not None and verdict.open_pages:
            first = verdict.open_pages[0]
            waits = not self._fails(verdict, step, first, result.cause, result.message, weighed) or waits
        verdict.waits = waits and result.cause is not Cause.CANCELLED

    def _fails(self, verdict: Verdict, step: Step, page: str, cause: Cause, message: str, weighed: Weighed) -> bool:
        """Whether it counts as a failure."""
        piece = verdict.piece
        if cause in NOT_COUNTED or becomes(piece.context.policies, cause) is not Becomes.FAILED:
            return True
        trip = weighed.trips.get(step)
        if cause == (trip.cause if trip else self._paused.get(step)):
            return False
        row = weighed.rows[step] if step in weighed.rows else self._rows.get(step)
        if row is None or row.cause is not cause:
            row = Row(cause)
        row = weighed.rows[step] = Row(cause, row.pages | {(piece.seq, page)})
        if len(row.pages) >= self._limit and trip is None and step not in self._paused:
            run = piece.context.run
            weighed.trips[step] = Trip(step, run, cause, f"{len(row.pages)} pages in a row failed: {message}")
        return True
