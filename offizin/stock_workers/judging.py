"""What became of a piece that a worker of the reference had: its pages counted in and out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from offizin.messages import Cause, Piece, Result
from offizin.workers.added_files import Added
from offizin.workers.child_inputs import MadeOfPages
from offizin.workers.child_outcome import Before, Outcome, after_failure, after_success
from offizin.workers.last_words import cause_in, last_line

SUCCESS = "SUCCESS"
_LAST_WORDS = 200


@dataclass(frozen=True, slots=True)
class End:
    """How it ended. ``cause``: None where the worker has told of its end itself, with this ``state``; ``log_tail`` the
    last lines of its log; ``charged``: false where nobody had begun with it. ``disturbed``: another worker may have
    done it again from the beginning, since ``started_at``, because the first one is gone."""

    state: str = ""
    cause: Cause | None = None
    message: str = ""
    log_tail: str = ""
    charged: bool = True
    disturbed: bool = False
    started_at: datetime | None = None


def result_of(piece: Piece, known: Before, added: Sequence[Added], made_of: MadeOfPages, end: End) -> Result:
    """The reference tells no page's end: as with any program that is called, a page is done that has output."""
    cause, message = end.cause, end.message
    half_done = _half_done(added, end)
    if cause is None and end.state == SUCCESS:
        outcome = after_success(piece, known, added, made_of)
        if half_done is not None and half_done not in known.settled:
            # It was left out the second time, because it has output.
            pages = [page for page in outcome.pages if page.page != half_done]
            outcome = Outcome(pages, outcome.files, open_pages=1)
            cause, message = Cause.RUNNER_LOST, "a worker of the reference was lost while it wrote this page"
    else:
        outcome = after_failure(piece, known, added, made_of)
        if cause is None and end.disturbed:
            cause, message = Cause.RUNNER_LOST, "a worker of the reference was lost while it worked on this"
        elif cause is None:
            cause, message = _said(end.log_tail)
    failed = cause is not None or any(page.cause is not None for page in outcome.pages)
    return Result(
        piece.job, piece.attempt, piece.piece, outcome.pages, outcome.files, cause=cause, message=message,
        charged=end.charged, log_tail=end.log_tail if failed else "",
        before_first_page=cause is not None and outcome.open_pages > 1,  # then its pages are done one by one
    )  # fmt: skip


def _half_done(added: Sequence[Added], end: End) -> str | None:
    """The page of which a worker that is lost wrote last."""
    if not end.disturbed or end.started_at is None:
        return None
    began = int(end.started_at.timestamp() * 1e9)
    before = [each.file.page_id for each in added if each.file.changed_at is not None and each.file.changed_at < began]
    return before[-1] if before else None


def _said(tail: str) -> tuple[Cause, str]:
    said = last_line(tail)
    last_words = f": {said[:_LAST_WORDS]}" if said else ", and its log cannot be read here"
    return cause_in(said) or Cause.EXCEPTION, f"a worker of the reference says that it failed{last_words}"
