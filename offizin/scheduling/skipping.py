"""Pages that somebody decides to go without: they are over without output, and it is no failure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from offizin.jobs import SKIPPED, State
from offizin.scheduling.book_end import end_book
from offizin.scheduling.cascade import Consequences, Finished, changes, follow
from offizin.scheduling.redo import Again
from offizin.store import events, jobs, pieces
from offizin.store.events import Change
from offizin.store.jobs import Ending
from offizin.store.pieces import PageEnding
from offizin.store.runs import RunRow, StepRow
from offizin.store.transaction import Transaction
from offizin.workflows.policies import Policies

SAID = "skipped by the user"
Reasons = Mapping[int, tuple[str | None, str]]


def skip(
    tx: Transaction, run: RunRow, asked: Sequence[Again], steps: Mapping[int, StepRow], reasons: Reasons, now: float
) -> Consequences:
    """End those pages of jobs that have just been revived, and do to those behind them what their policies say.

    ``reasons``: cause and message of the jobs of one page, as they were before.
    """
    finished: list[Finished] = []
    for again in asked:
        row = again.row
        if row.page is not None:
            cause, message = reasons[row.seq]
            told = _with_reason(message)
            jobs.end_attempts(
                tx, [Ending(row.seq, State.SUCCESS, cause, told, None, now, 0.0, tries=0, losses=0, mark=SKIPPED)]
            )
            finished.append(Finished(row, State.SUCCESS, cause=cause, message=told, skipped=frozenset((row.page,))))
            continue
        endings = [
            PageEnding(row.seq, page.page, State.SUCCESS, page.cause, _with_reason(page.message), SKIPPED)
            for page in again.pages
        ]
        pieces.end_pages(tx, endings)
        if not pieces.pages(tx, row.seq, {State.CACHED}):
            finished.append(end_book(tx, row, Policies.from_text(steps[row.step].policies), now))
    consequences = follow(tx, finished, now)
    told_now = [
        Change(run.id, done.state, done.row.id, done.row.step, done.row.page, done.cause, done.message)
        for done in finished
    ]
    events.add(tx, [*told_now, *changes(tx, consequences)], now)
    return consequences


def _with_reason(message: str) -> str:
    return message if message.startswith(SAID) else f"{SAID} ({message})" if message else SAID
