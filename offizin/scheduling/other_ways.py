"""Pages that failed for good in one way and are to be done in another: a fallback of their step, or a copy of the
input. Within one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from offizin.jobs import COPY_INPUT
from offizin.scheduling.missing import Becomes
from offizin.scheduling.run_steps import RunSteps
from offizin.scheduling.window import tag
from offizin.store import jobs, pieces
from offizin.store.jobs import JobRow
from offizin.store.transaction import Transaction

OTHER_WAYS = frozenset({Becomes.FALLBACK, Becomes.COPY})

VirtualTime = Callable[[str, int], int]


class OtherWays:
    """``virtual_time`` by processor and priority: what comes to another processor's queue takes its turn as if it were
    submitted now. Without it the place in the order stays, whatever that is worth there."""

    def __init__(self, tx: Transaction, steps: RunSteps, virtual_time: VirtualTime | None = None) -> None:
        self._tx = tx
        self._steps = steps
        self._virtual_time = virtual_time

    def take(self, row: JobRow, alternative: int, decided: Becomes) -> str:
        """A job of one page, which was done in the way ``alternative``; the processor that may have ready work."""
        number, processor = self._next(row, alternative, decided)
        jobs.take_way(self._tx, row.seq, number, processor, self._tag(row, processor))
        return processor

    def cut_off(self, row: JobRow, piece: int, alternative: int, pages: Mapping[Becomes, Sequence[str]]) -> set[str]:
        """Pages of a piece, by what becomes of them; the processors that may have ready work."""
        processors: set[str] = set()
        for decided, named in pages.items():
            number, processor = self._next(row, alternative, decided)
            pieces.cut_off(self._tx, row.seq, piece, named, number, processor, self._tag(row, processor))
            processors.add(processor)
        return processors

    def _next(self, row: JobRow, alternative: int, decided: Becomes) -> tuple[int, str]:
        if decided is Becomes.FALLBACK and (fallback := self._steps.fallback(row, alternative)) is not None:
            return fallback
        return COPY_INPUT, self._steps.of(row).processor

    def _tag(self, row: JobRow, processor: str) -> int | None:
        if self._virtual_time is None or processor == row.processor:
            return None
        return tag(self._virtual_time(processor, jobs.priority_of(self._tx, row.seq)), 0)
