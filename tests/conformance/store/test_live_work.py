"""Which live jobs those of a new submission may have to wait for."""

from __future__ import annotations

from uuid import uuid4

import pytest

from offizin.scheduling.live_work import live_work
from offizin.store import workspaces
from offizin.store.runs import StepRow
from offizin.store.transaction import Database, Transaction
from tests.conformance.store.submitted import METS, PROCESSOR, new_jobs, new_run


@pytest.mark.parametrize(
    ("reads", "writes", "concerned"),
    [("G0", "G9", False), ("G1", "G9", True), ("G9", "G1", True), ("G9", "G0", True), ("G8", "G9", False)],
)
async def test_only_those_that_write_what_they_touch_or_read_what_they_write(
    database: Database, reads: str, writes: str, concerned: bool
) -> None:
    """The live ones read G0 and write G1."""
    step = StepRow(0, PROCESSOR, "{}", (reads,), (writes,))

    def write(tx: Transaction) -> list[int]:
        new_jobs(tx, new_run(tx, jobs_in_it=2), 2)
        return [work.seq for work in live_work(tx, workspaces.find_or_add(tx, METS, 1.0, str(uuid4())), steps=[step])]

    assert await database.write(write) == ([1, 2] if concerned else [])
