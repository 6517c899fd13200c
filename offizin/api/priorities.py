"""Changing the priority of what waits in a run."""

from __future__ import annotations

from offizin.offizin import Offizin
from offizin.store import jobs, pieces, runs
from offizin.store.runs import RunRow
from offizin.store.transaction import Transaction


async def set_priority(offizin: Offizin, run: RunRow, priority: int) -> None:
    """What is in the brokers' window already keeps its place there: that is some 50 ms of work."""

    def write(tx: Transaction) -> set[str]:
        runs.set_priority(tx, run.seq, priority)
        jobs.set_priority(tx, run.seq, priority)
        pieces.set_priority(tx, run.seq, priority)
        return {step.processor for step in runs.steps_of(tx, run.seq)}

    offizin.dispatcher.wake(await offizin.database.write(write, synced=True))
