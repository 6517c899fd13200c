"""How a job of many pages ends, once all its pieces are over: as its pages did."""

from __future__ import annotations

from collections.abc import Sequence

from offizin.jobs import State
from offizin.messages import Cause
from offizin.scheduling.cascade import Finished
from offizin.store import jobs, pieces
from offizin.store.jobs import JobRow
from offizin.store.pieces import PageEnding
from offizin.store.transaction import Transaction

CANCELLED = "cancelled by the user"


def end_book(tx: Transaction, row: JobRow, now: float) -> Finished:
    """Write the end of the job, and of the pages that a cancelled one has not come to."""
    waiting = [page.page for page in pieces.pages(tx, row.seq, {State.CACHED})]
    endings = [PageEnding(row.seq, page, State.CANCELLED, Cause.CANCELLED, CANCELLED) for page in waiting]
    pieces.end_pages(tx, endings)
    pages = pieces.pages(tx, row.seq)
    lost = [page for page in pages if page.state is not State.SUCCESS]
    state, cause, message = State.SUCCESS, None, ""
    if lost:
        first = next((page for page in lost if page.state is State.FAILED), lost[0])
        state = State.CANCELLED if row.cancelling else State.FAILED
        cause, message = first.cause, lost_pages([page.page for page in lost], len(pages), first.message)
    jobs.end_whole(tx, row.seq, state, cause, message, now)
    names = frozenset(page.page for page in lost)
    return Finished(row, state, names, cause, message, wholly_lost=len(lost) == len(pages))


def lost_pages(lost: Sequence[str], of: int, message: str) -> str:
    """One line that names the pages without a result (the first ten) and the first reason."""
    named = ", ".join(lost[:10]) + (f" and {len(lost) - 10} more" if len(lost) > 10 else "")
    return f"{len(lost)} of {of} pages have no result: {named} ({message})"
