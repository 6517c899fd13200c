"""Choosing what leaves the waiting room, inside a transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from offizin.clock import Clock
from offizin.jobs import State
from offizin.scheduling.contexts import Contexts
from offizin.scheduling.dispatched import Dispatched
from offizin.scheduling.learned import LearnedProcessors
from offizin.scheduling.retry_policy import Limits, after_loss
from offizin.scheduling.window import VirtualTimes, cuts, whose_turn
from offizin.store import jobs, pieces
from offizin.store.jobs import ReadyJob
from offizin.store.pieces import ReadyPiece
from offizin.store.transaction import Transaction


@dataclass(slots=True)
class Choice:
    """``room``: how many pieces of each processor may leave; ``short``: processors without any. Filled in: what
    leaves, and the processors of which it must be learned how to cut their jobs."""

    room: dict[str, int]
    short: set[str] = field(default_factory=set)
    chosen: list[Dispatched] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


class Choosing:
    """Of the work of this ``server``. ``slots(processor)``: how many pieces of it can be worked on at once. Its methods
    run in the writer's thread."""

    def __init__(
        self,
        contexts: Contexts,
        learned: LearnedProcessors,
        clock: Clock,
        limits: Limits,
        slots: Callable[[str], int],
        server: int,
    ) -> None:
        self.virtual_times = VirtualTimes()
        self._contexts = contexts
        self._learned = learned
        self._clock = clock
        self._limits = limits
        self._slots = slots
        self._server = server

    def choose(self, tx: Transaction, choice: Choice) -> None:
        """Fill the room: what leaves now is marked as queued."""
        room = choice.room
        chosen: list[tuple[ReadyJob | ReadyPiece, list[str]]] = []
        now = self._clock.now()
        for processor, free in room.items():
            ready = jobs.ready(tx, processor, free, self._server)
            whole = [job for job in ready if job.page is None]
            if whole:
                knows = self._learned.independent_pages(processor)
                if knows is None:
                    choice.unknown.append(processor)
                else:
                    for job in whole:
                        self._cut(tx, job, independent=knows, now=now)
            single = [job for job in ready if job.page is not None]
            for next_one in whose_turn(single, pieces.ready(tx, processor, free, self._server), free):
                self.virtual_times.leaves(next_one)
                if isinstance(next_one, ReadyJob):
                    chosen.append((next_one, [next_one.page or ""]))
                else:
                    rows = pieces.pages_of_piece(tx, next_one.seq, next_one.number)
                    chosen.append((next_one, [row.page for row in rows]))
        jobs.queue(tx, (one.seq for one, _ in chosen if isinstance(one, ReadyJob)), now)
        pieces.queue(tx, ((one.seq, one.number) for one, _ in chosen if isinstance(one, ReadyPiece)))
        self._contexts.load(tx, {(one.run, one.step, one.alternative) for one, _ in chosen})
        choice.chosen = [self._dispatched(one, pages) for one, pages in chosen]

    def _dispatched(self, one: ReadyJob | ReadyPiece, pages: list[str]) -> Dispatched:
        of_many = isinstance(one, ReadyPiece)
        context = self._contexts.get(one.run, one.step, one.alternative)
        return Dispatched(
            seq=one.seq,
            id=one.id,
            piece=one.number if isinstance(one, ReadyPiece) else 0,
            attempt=one.attempt + 1,
            of_many=of_many,
            context=context,
            pages=pages,
            processor=one.processor,
            alone=after_loss(one.losses, self._limits).alone,
            tries=one.tries,
            overwrite=context.overwrite or bool(one.overwrite),
        )

    def _cut(self, tx: Transaction, job: ReadyJob, *, independent: bool, now: float) -> None:
        open_pages = [row.number for row in pieces.pages(tx, job.seq, {State.CACHED})]
        if independent:
            numbers = [[open_pages[i] for i in cut] for cut in cuts(len(open_pages), self._slots(job.processor) or 1)]
        else:
            numbers = [open_pages]
        # Pieces count their attempts from the job's, so that no two attempts at a page have one number.
        pieces.cut(
            tx, job.seq, job.processor, job.priority, job.tag, job.attempt, numbers, self._server,
            alternative=job.alternative,
        )  # fmt: skip
        jobs.queue(tx, [job.seq], now)
