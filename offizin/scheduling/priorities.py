"""Changing the priority of a run: of what waits in it, and of what comes back."""

from __future__ import annotations

from collections.abc import Callable

from offizin.scheduling.ownership import Ownership
from offizin.scheduling.to_the_end import to_the_end
from offizin.scheduling.window import tag
from offizin.store import fair_order, runs
from offizin.store.transaction import Database, Transaction


class Priorities:
    """``virtual_time`` by processor and priority; ``wake`` with the processors concerned."""

    def __init__(
        self,
        database: Database,
        ownership: Ownership,
        *,
        virtual_time: Callable[[str, int], int],
        wake: Callable[[set[str]], None],
    ) -> None:
        self._database = database
        self._ownership = ownership
        self._virtual_time = virtual_time
        self._wake = wake

    async def set_priority(self, run: int, priority: int) -> None:
        """What is in the window already keeps its place there: that is some 50 ms of work. Raises OwnedElsewhere."""
        await to_the_end(self._carry_out(run, priority))

    async def _carry_out(self, run: int, priority: int) -> None:
        processors = await self._database.write(lambda tx: self._set(tx, run, priority), synced=True)
        self._wake(processors)

    def _set(self, tx: Transaction, run: int, priority: int) -> set[str]:
        before = runs.by_seq(tx, run)
        if before.priority == priority:
            return set()
        self._ownership.take(tx, before.workspace)
        processors = as_if_submitted_now(tx, run, priority, self._virtual_time)
        fair_order.set_priority(tx, run, priority)
        return processors


def as_if_submitted_now(tx: Transaction, run: int, priority: int, virtual_time: Callable[[str, int], int]) -> set[str]:
    """What waits in the run takes its turn among those of this priority anew; its processors."""
    first = fair_order.first_tags(tx, run)
    for processor, first_tag in first.items():
        fair_order.shift_tags(tx, run, processor, tag(virtual_time(processor, priority), 0) - first_tag)
    return set(first)
