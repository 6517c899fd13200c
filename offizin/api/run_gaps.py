"""The pages of a run that have no output of their own: which, in which step, and why."""

from __future__ import annotations

from collections.abc import Sequence

from offizin.api.job_views import run_unknown
from offizin.api.models import Gap, Gaps
from offizin.jobs import State
from offizin.offizin import Offizin
from offizin.store import attempts, runs
from offizin.store import gaps as gap_rows
from offizin.store.attempts import FailedAttempt
from offizin.store.gaps import GapRow
from offizin.store.transaction import Transaction


async def gaps(offizin: Offizin, run_id: str, limit: int) -> Gaps:
    """By step, then in the order of the pages. Raises RunUnknown."""

    def read(tx: Transaction) -> Gaps:
        run = runs.by_id(tx, run_id)
        if run is None:
            raise run_unknown(run_id)
        found = gap_rows.of_run(tx, run.seq, limit + 1)
        tried: dict[int, Sequence[FailedAttempt]] = {}
        shown = [_gap(tx, row, tried) for row in found[:limit]]
        return Gaps(gaps=shown, more=len(found) > limit)

    return await offizin.database.read(read)


def _gap(tx: Transaction, row: GapRow, tried: dict[int, Sequence[FailedAttempt]]) -> Gap:
    cause, message = row.cause, row.message
    if not cause:  # why a page was copied is told by what was tried before
        if row.job not in tried:
            tried[row.job] = attempts.of_job(tx, row.job)
        last = next((a for a in reversed(tried[row.job]) if a.page in (row.page, None)), None)
        cause, message = (last.cause, last.message) if last else ("", "")
    became = row.mark or ("failed" if row.state is State.FAILED else "cancelled")
    return Gap(
        step=row.step, processor=row.processor, page_id=row.page, job_id=row.job_id, became=became, cause=cause or "",
        message=message,
    )  # fmt: skip
