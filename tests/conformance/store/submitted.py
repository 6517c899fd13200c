"""Rows to begin with: runs and jobs as a submission writes them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from offizin.jobs import RunKind
from offizin.store import jobs, pieces, runs, workspaces
from offizin.store.jobs import NewJob
from offizin.store.runs import NewRun, StepRow
from offizin.store.transaction import Transaction

METS = "/books/one/mets.xml"
PROCESSOR = "ocrd-dummy"


def step(number: int = 0, processor: str = PROCESSOR) -> StepRow:
    return StepRow(number, processor, "{}", (f"G{number}",), (f"G{number + 1}",))


def new_run(
    tx: Transaction,
    run_id: str = "r1",
    *,
    jobs_in_it: int = 0,
    mets: str = METS,
    priority: int = 0,
    kind: RunKind = RunKind.WORKFLOW,
    steps: Sequence[StepRow] | None = None,
    callback_url: str | None = None,
    submitted_at: float = 10.0,
) -> int:
    """The number of a run with this many open jobs, none of which is written."""
    return runs.add(
        tx,
        NewRun(
            id=run_id, kind=kind, workspace=workspaces.find_or_add(tx, mets, 1.0, str(uuid4())),
            workflow="dummy -I G0 -O G1", page_selector="", page_wise=True, overwrite=False,
            priority=priority, jobs=jobs_in_it, skipped_jobs=0,
            submitted_at=submitted_at, description="", callback_url=callback_url,
            steps=[step()] if steps is None else steps,
        ),
    )  # fmt: skip


def new_jobs(
    tx: Transaction,
    run: int,
    count: int,
    *,
    priority: int = 0,
    open_edges: int = 0,
    processor: str = PROCESSOR,
    number_of_step: int = 0,
    first_tag: int = 1,
) -> list[int]:
    """The numbers of jobs of one page each, whose tags count up."""
    first = jobs.next_number(tx)
    new = [
        NewJob(f"j{first + at}", number_of_step, f"p{at + 1}", 1, processor, first_tag + at, open_edges)
        for at in range(count)
    ]
    jobs.add(tx, run, priority, first, new)
    return list(range(first, first + count))


def new_book_job(tx: Transaction, run: int, pages: int, *, priority: int = 0, tag: int = 1) -> int:
    """The number of a job of many pages that waits to be cut."""
    first = jobs.next_number(tx)
    jobs.add(tx, run, priority, first, [NewJob(f"j{first}", 0, None, pages, PROCESSOR, tag, 0)])
    pieces.add_pages(tx, [(first, [f"p{number + 1}" for number in range(pages)])])
    return first
