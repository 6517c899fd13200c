"""How a job of many pages ends, once all its pieces are over: as its pages did."""

from __future__ import annotations

from collections.abc import Sequence

from offizin.jobs import COPIED, SKIPPED, State
from offizin.messages import Cause
from offizin.scheduling.cascade import Finished
from offizin.store import jobs, pieces
from offizin.store.jobs import JobRow
from offizin.store.pieces import PageEnding
from offizin.store.transaction import Transaction
from offizin.workflows.policies import Policies

CANCELLED = "cancelled by the user"


def end_book(tx: Transaction, row: JobRow, policies: Policies, now: float) -> Finished:
    """Write the end of the job, and of the pages that a cancelled one has not come to. ``policies`` of its step say how
    many pages may be missing."""
    waiting = [page.page for page in pieces.pages(tx, row.seq, {State.CACHED})]
    endings = [PageEnding(row.seq, page, State.CANCELLED, Cause.CANCELLED, CANCELLED) for page in waiting]
    pieces.end_pages(tx, endings)
    pages = pieces.pages(tx, row.seq)
    lost = [page for page in pages if page.state is not State.SUCCESS]
    skipped = [page for page in pages if page.mark == SKIPPED]
    copied = [page for page in pages if page.mark == COPIED]
    state, cause, message = State.SUCCESS, None, ""
    if missing := lost + skipped:
        first = next((page for page in missing if page.state is State.FAILED), missing[0])
        cause, message = first.cause, lost_pages([page.page for page in missing], len(pages), first.message)
    if lost and row.cancelling:
        state = State.CANCELLED
    elif not policies.allows(len(lost), len(skipped) + len(copied), len(pages)):
        state = State.FAILED
        cause, message = cause or Cause.NO_OUTPUT, message or f"{len(copied)} of {len(pages)} pages had to be copied"
    jobs.end_whole(tx, row.seq, state, cause, message, now)
    names = frozenset(page.page for page in lost)
    return Finished(
        row, state, names, cause, message,
        wholly_lost=len(lost) == len(pages), skipped=frozenset(page.page for page in skipped),
    )  # fmt: skip


def lost_pages(lost: Sequence[str], of: int, message: str) -> str:
    """One line that names the pages without a result (the first ten) and the first reason."""
    named = ", ".join(lost[:10]) + (f" and {len(lost) - 10} more" if len(lost) > 10 else "")
    return f"{len(lost)} of {of} pages have no result: {named} ({message})"
