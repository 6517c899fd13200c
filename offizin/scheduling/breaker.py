"""Identical failures in a row: when a step of a run, or a processor on a host, is to pause. So a model that is gone
costs a few pages and not the book.

What fails for the cause of the pause while it lasts is no failure: nobody is charged, and it waits with the rest. So it
does not matter how much was on its way when the row became long enough. Counted in memory: a server that starts begins
to count anew, and finds in the database what is paused.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from offizin.messages import Cause
from offizin.scheduling.dispatched import Dispatched
from offizin.scheduling.missing import Becomes, becomes
from offizin.scheduling.retry_policy import Next, pause_before_next
from offizin.scheduling.verdicts import Verdict

# Not the processor's, or not of the step: these say nothing about what comes next. Nor do failures that policies
# forgive, that a fallback is tried after, or that are one because something was there already.
NOT_COUNTED = frozenset({Cause.CANCELLED, Cause.WORKER_LOST, Cause.NO_INPUT})
# Of the book or of what somebody asked for: these say nothing about the host.
NOT_OF_THE_HOST = NOT_COUNTED | {Cause.BAD_PARAMETER, Cause.BAD_IMAGE, Cause.NO_OUTPUT, Cause.BAD_OUTPUT}

# A host is blamed for so many times the pages that a step is, and only if they are of several steps or runs.
MORE_ON_A_HOST = 2

# Rows that are remembered; the oldest are forgotten.
MOST_ROWS = 10_000


class Step(NamedTuple):
    """``number`` counts from 0."""

    run_id: str
    number: int


class Place(NamedTuple):
    host: str
    processor: str


@dataclass(frozen=True, slots=True)
class Row:
    """``pages``: (job, page) of those that failed for the cause, one after the other, in these ``steps``."""

    cause: Cause
    pages: frozenset[tuple[int, str]] = frozenset()
    steps: frozenset[Step] = frozenset()


@dataclass(frozen=True, slots=True)
class Trip:
    """What is to pause; ``run`` is the number of the run that failed last."""

    of: Step | Place
    run: int
    cause: Cause
    message: str


@dataclass(slots=True)
class Weighed:
    """What a group of verdicts does to the rows (None: a success ended it), what is to pause, and the pieces, by job
    and number, of which pages are put back."""

    rows: dict[Step | Place, Row | None] = field(default_factory=dict)
    trips: dict[Step | Place, Trip] = field(default_factory=dict)
    put_back: dict[tuple[int, int], Dispatched] = field(default_factory=dict)


class Breaker:
    """``limit``: so many pages in a row that fail for one cause; 0: never. ``host_of`` tells where a session is."""

    def __init__(self, limit: int, host_of: Callable[[str], str]) -> None:
        self._limit = limit
        self._host_of = host_of
        self._rows: dict[Step | Place, Row] = {}
        self._paused: dict[Step | Place, str] = {}

    def weigh(self, verdicts: Iterable[Verdict]) -> Weighed:
        """Count, in this order. Verdicts on what is paused, or is to pause now, are changed: what fails for that cause
        is put back. Nothing is remembered yet."""
        weighed = Weighed()
        if not self._limit:
            return weighed
        for verdict in verdicts:
            # One look for what goes well, as nearly everything does.
            if (
                verdict.cause is not None
                or self._rows
                or weighed.rows
                or weighed.put_back
                or verdict.piece.has_put_back
            ):
                self._weigh(verdict, weighed)
        return weighed

    def keep(self, weighed: Weighed, paused: Collection[Step | Place]) -> None:
        """It is written down; of what was to pause, these had something left that can wait."""
        for of, row in weighed.rows.items():
            if row is None or of in weighed.trips:
                self._rows.pop(of, None)
            else:
                self._rows[of] = row
        self._paused.update({of: weighed.trips[of].cause for of in paused})
        for piece in weighed.put_back.values():
            piece.has_put_back = True
        while len(self._rows) > MOST_ROWS:  # those of runs that are over, mostly
            del self._rows[next(iter(self._rows))]

    def told(self, paused: Mapping[Step | Place, str], resumed: Collection[Step | Place]) -> None:
        """Somebody resumed these, whose rows begin anew, and then paused those (with the causes)."""
        for of in resumed:
            self._paused.pop(of, None)
            self._rows.pop(of, None)
        self._paused.update(paused)

    def _weigh(self, verdict: Verdict, weighed: Weighed) -> None:
        piece, result = verdict.piece, verdict.result
        if result.missing_attribute or not result.charged or _is_tried_at_once(verdict):
            return
        step = Step(piece.context.run_id, piece.context.step)
        place = Place(self._host_of(verdict.sender), piece.processor)
        kept = []
        for page in verdict.pages:
            if page.cause is None:
                for of in (step, place):
                    if of in weighed.rows or of in self._rows:
                        weighed.rows[of] = None
                kept.append(page)
            elif page.existed or self._fails(verdict, step, place, page.page, page.cause, page.message, weighed):
                kept.append(page)
            else:
                verdict.put_back.append(page)
        verdict.pages = kept
        if verdict.put_back:
            weighed.put_back[piece.seq, piece.piece] = piece
        if not result.end:
            return
        waits = piece.has_put_back or (piece.seq, piece.piece) in weighed.put_back
        if result.cause is not None and verdict.open_pages:
            first = verdict.open_pages[0]
            waits = not self._fails(verdict, step, place, first, result.cause, result.message, weighed) or waits
        verdict.waits = waits and result.cause is not Cause.CANCELLED

    def _fails(
        self, verdict: Verdict, step: Step, place: Place, page: str, cause: Cause, message: str, weighed: Weighed
    ) -> bool:
        """Whether it counts as a failure."""
        piece, context = verdict.piece, verdict.piece.context
        becomes_of_it = becomes(
            context.policies, cause, copying=piece.copies_input, fallback=context.fallback is not None
        )
        if cause in NOT_COUNTED or becomes_of_it is not Becomes.FAILED:
            return True
        if any(cause == self._paused_for(of, weighed) for of in (step, place)):
            return False
        page_of_job, run = (piece.seq, page), context.run
        row = self._longer(step, step, cause, page_of_job, weighed)
        if len(row.pages) >= self._limit:
            self._trip(Trip(step, run, cause, f"{len(row.pages)} pages in a row failed: {message}"), weighed)
        if cause not in NOT_OF_THE_HOST and place.host:
            row = self._longer(place, step, cause, page_of_job, weighed)
            if len(row.pages) >= MORE_ON_A_HOST * self._limit and len(row.steps) > 1:
                many = f"{len(row.pages)} pages in a row of {len(row.steps)} steps failed there: {message}"
                self._trip(Trip(place, run, cause, many), weighed)
        return True

    def _paused_for(self, of: Step | Place, weighed: Weighed) -> str | None:
        trip = weighed.trips.get(of)
        return trip.cause if trip is not None else self._paused.get(of)

    def _longer(self, of: Step | Place, step: Step, cause: Cause, page: tuple[int, str], weighed: Weighed) -> Row:
        """The row with one page more, or a new one."""
        row = weighed.rows[of] if of in weighed.rows else self._rows.get(of)
        if row is None or row.cause is not cause:
            row = Row(cause)
        row = weighed.rows[of] = Row(cause, row.pages | {page}, row.steps | {step})
        return row

    def _trip(self, trip: Trip, weighed: Weighed) -> None:
        if self._paused_for(trip.of, weighed) is None:
            weighed.trips[trip.of] = trip


def _is_tried_at_once(verdict: Verdict) -> bool:
    """Then it has not failed yet: a runner that was killed says nothing of the next page. A full disk does."""
    return verdict.next is Next.AGAIN and (verdict.cause is None or not pause_before_next(verdict.cause, 0))
