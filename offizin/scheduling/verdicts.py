"""From what came back to what it means: each piece's pages judged, its delta checked against the METS. Pure but for
the look at the files' sizes on disk, which the index does."""

from __future__ import annotations

from dataclasses import dataclass

from offizin.errors import BadOutput
from offizin.messages import Cause, Delta, File, PageOutcome, Result
from offizin.scheduling import retry_policy
from offizin.scheduling.dispatched import Dispatched
from offizin.scheduling.retry_policy import Attempt, Limits, Next


@dataclass(frozen=True, slots=True)
class PageVerdict:
    page: str
    cause: Cause | None
    message: str


@dataclass(slots=True)
class Verdict:
    """What one result means. ``pages``: those with an outcome; ``open_pages``: those the attempt left without one."""

    piece: Dispatched
    result: Result
    pages: list[PageVerdict]
    open_pages: list[str]
    delta: Delta
    next: Next = Next.OVER

    @property
    def worst(self) -> PageVerdict | None:
        return next((page for page in self.pages if page.cause is not None), None)


def judge(piece: Dispatched, result: Result, settled: set[str], *, independent: bool, limits: Limits) -> Verdict:
    """Decide about one result. ``settled``, the pages that earlier results of this attempt have settled, grows.

    The first outcome of a page counts; what is said of pages that are not the piece's does not.
    """
    judged: list[PageVerdict] = []
    files: list[File] = []
    waiting = {page for page in piece.pages if page not in settled}
    for outcome in result.pages:
        if outcome.page not in waiting:
            continue
        waiting.discard(outcome.page)
        page, kept = _judge_page(piece, outcome)
        judged.append(page)
        files.extend(kept)
    if result.files:
        files.extend(_checked(piece, list(result.files), None))
    settled.update(page.page for page in judged)
    left = [page for page in piece.pages if page in waiting]
    if result.end and result.cause is None:
        judged.extend(PageVerdict(page, Cause.NO_OUTPUT, "the processor did nothing for this page") for page in left)
        left = []
    verdict = Verdict(piece, result, judged, left, Delta(files=files, overwrite=piece.context.overwrite))
    if result.end:
        failed = verdict.worst
        verdict.next = retry_policy.after(
            Attempt(
                cause=result.cause,
                failed=failed.cause if failed else None,
                charged=result.charged,
                open_pages=len(left),
                tries=piece.tries,
                independent_pages=independent or result.before_first_page,
                wants_full_mets=bool(result.missing_attribute) and bool(result.cause or failed),
            ),
            limits,
        )
    return verdict


def _judge_page(piece: Dispatched, outcome: PageOutcome) -> tuple[PageVerdict, list[File]]:
    """A page's verdict and those of its files that go into METS: a failed page leaves none."""
    if outcome.cause is not None:
        return PageVerdict(outcome.page, outcome.cause, outcome.message), []
    try:
        return PageVerdict(outcome.page, None, ""), _checked(piece, list(outcome.files), outcome.page)
    except BadOutput as error:
        return PageVerdict(outcome.page, Cause.BAD_OUTPUT, error.message), []


def _checked(piece: Dispatched, files: list[File], page: str | None) -> list[File]:
    if not files:
        return files
    assert piece.lane is not None
    delta = Delta(files=files, overwrite=piece.context.overwrite)
    piece.lane.index.check(
        delta, pages=(page,) if page is not None else piece.pages, file_grps=piece.context.output_file_grps
    )
    return files
