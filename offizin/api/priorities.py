"""Changing the priority of what waits in a run."""

from __future__ import annotations

from offizin.offizin import Offizin
from offizin.store.runs import RunRow


async def set_priority(offizin: Offizin, run: RunRow, priority: int) -> None:
    """What is in the brokers' window already keeps its place there: that is some 50 ms of work."""
    await offizin.priorities.set_priority(run.seq, priority)
