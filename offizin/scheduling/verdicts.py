"""From what came back to what it means: each piece's pages judged, its delta checked against the METS. Pure but for
the look at the files on disk."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from offizin.errors import BadOutput
from offizin.messages import Cause, Counts, Delta, File, Made, PageOutcome, Result
from offizin.mets.orphans import orphans_of
from offizin.scheduling import retry_policy
from offizin.scheduling.dispatched import Dispatched
from offizin.scheduling.lanes import Lane
from offizin.scheduling.retry_policy import Attempt, Limits, Next


@dataclass(frozen=True, slots=True)
class PageVerdict:
    page: str
    cause: Cause | None
    message: str
    existed: bool = False
    counts: Counts | None = None


@dataclass(slots=True)
class Verdict:
    """What one result means. ``pages``: those with an outcome; ``open_pages``: those the attempt left without one;
    ``put_back``: those that failed for what their step is paused for, which wait again, as the whole piece does then
    (``waits``), and nobody is charged (scheduling.breaker)."""

    piece: Dispatched
    result: Result
    pages: list[PageVerdict]
    open_pages: list[str]
    delta: Delta
    next: Next = Next.OVER
    put_back: list[PageVerdict] = field(default_factory=list)
    waits: bool = False
    sender: str = ""  # the session of the worker that said it

    @property
    def cause(self) -> Cause | None:
        """Why it is not well, if it is not."""
        worst = self.worst
        return self.result.cause if worst is None else worst.cause

    @property
    def worst(self) -> PageVerdict | None:
        failed = next((page for page in self.pages if page.cause is not None), None)
        return failed or (self.put_back[0] if self.put_back else None)


@dataclass(slots=True)
class Claims:
    """IDs that earlier results of a group add: they are judged before any of them is in the index."""

    _files: dict[tuple[int, str], File] = field(default_factory=dict)

    def add(self, workspace: int, files: list[File]) -> None:
        """All, or none: raises BadOutput when another file has one of the IDs."""
        for file in files:
            other = self._files.get((workspace, file.id))
            if other is not None and (other.page_id is None or other != file):
                where = "no page" if other.page_id is None else f"page {other.page_id}"
                raise BadOutput(f"file ID {file.id} is used already, by a file in {other.file_grp} of {where}")
        self._files.update({(workspace, file.id): file for file in files})


def judge(
    piece: Dispatched, result: Result, settled: set[str], claims: Claims, *, independent: bool, limits: Limits
) -> Verdict:
    """Decide about one result. ``settled``, the pages that earlier results of this attempt have settled, grows.

    The first outcome of a page counts; what is said of pages that are not the piece's does not. Files without page that
    do not fit are a failure of the whole.
    """
    judged: list[PageVerdict] = []
    files: list[File] = []
    made: list[Made] = []
    if piece.lane is None:
        result = _of_unknown_worth(piece, result)
    try:
        files.extend(_files_without_page(piece, list(result.files), claims))
    except BadOutput as error:
        result = msgspec.structs.replace(result, pages=[], files=[], cause=Cause.BAD_OUTPUT, message=error.message)
    waiting = {page for page in piece.pages if page not in settled}
    for outcome in result.pages:
        if outcome.page not in waiting:
            continue
        waiting.discard(outcome.page)
        page, kept = _judge_page(piece, outcome, claims)
        judged.append(page)
        files.extend(kept)
        if kept and outcome.inputs and result.recipe:
            made.append(Made(outcome.page, result.recipe, outcome.inputs, outcome.reads))
    settled.update(page.page for page in judged)
    left = [page for page in piece.pages if page in waiting]
    if result.end and result.cause is None:
        judged.extend(PageVerdict(page, Cause.NO_OUTPUT, "the processor did nothing for this page") for page in left)
        left = []
    verdict = Verdict(piece, result, judged, left, _delta(piece, files, made))
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
                wants_full_mets=bool(result.missing_attribute) and bool(result.cause or failed) and not piece.full_mets,
            ),
            limits,
        )
    return verdict


def _delta(piece: Dispatched, files: list[File], made: list[Made]) -> Delta:
    """What goes into the METS; where it overwrites, also what goes out of it, and then from disk."""
    if not piece.overwrite or not files:
        return Delta(files=files, overwrite=piece.overwrite, run=piece.context.run, made=made)
    index = _lane(piece).index
    places = {(file.file_grp, file.page_id) for file in files}
    pages = dict.fromkeys(file.page_id for file in files if file.page_id is not None)
    pairs = [(group, page) for page in pages for group in piece.context.output_file_grps]
    empties: list[tuple[str, str | None]] = [pair for pair in pairs if pair not in places and index.has_files(*pair)]
    old = [file for pair in {*pairs, *places} for file in index.files(*pair)]
    orphans = orphans_of(index.directory, old, files)
    replaced = [place for place in places if index.files(*place)]
    return Delta(
        files=files,
        overwrite=True,
        empties=empties,
        orphans=orphans,
        run=piece.context.run,
        made=made,
        replaced=replaced,
    )


def _judge_page(piece: Dispatched, outcome: PageOutcome, claims: Claims) -> tuple[PageVerdict, list[File]]:
    """A page's verdict and those of its files that go into METS: a failed page leaves none."""
    if outcome.cause is not None:
        return PageVerdict(outcome.page, outcome.cause, outcome.message, outcome.existed), []
    try:
        return PageVerdict(outcome.page, None, "", counts=outcome.counts), _checked(
            piece, list(outcome.files), outcome.page, claims
        )
    except BadOutput as error:
        return PageVerdict(outcome.page, Cause.BAD_OUTPUT, error.message), []


def _files_without_page(piece: Dispatched, files: list[File], claims: Claims) -> list[File]:
    """One that is there already may only give way to one that was made of the whole book."""
    if files:
        index = _lane(piece).index
        there = next((file for file in files if index.by_id(file.id)), None)
        if there is not None and not set(index.pages).issubset(piece.pages):
            raise BadOutput(
                f"file {there.id} in {there.file_grp} belongs to no page, and there is one already that was made of "
                "other pages. Run this step on all pages at once (--no-page-wise)"
            )
    return _checked(piece, files, None, claims)


def _checked(piece: Dispatched, files: list[File], page: str | None, claims: Claims) -> list[File]:
    if not files:
        return files
    delta = Delta(files=files, overwrite=piece.overwrite)
    _lane(piece).index.check(
        delta, pages=(page,) if page is not None else piece.pages, file_grps=piece.context.output_file_grps
    )
    claims.add(piece.context.workspace, files)
    return files


def _of_unknown_worth(piece: Dispatched, result: Result) -> Result:
    """It was sent by an earlier server, and its METS could not be opened since: what was made of it cannot be checked,
    so it is done again, or fails with what is wrong with the METS."""
    message = f"{piece.context.mets} could not be read when this came back"
    return Result(
        result.job, result.attempt, result.piece, end=result.end, cause=Cause.WORKER_LOST, message=message,
        charged=False,
    )  # fmt: skip


def _lane(piece: Dispatched) -> Lane:
    assert piece.lane is not None
    return piece.lane
