"""Jobs of many pages: the state of each page, and the pieces such a job is cut into."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from sqlalchemy import Row, bindparam, case, delete, func, insert, select, text, update

from offizin.jobs import State
from offizin.store.jobs import CHUNK
from offizin.store.prepared import Prepared
from offizin.store.tables import IN_FLIGHT, READY, job_pages, jobs, pieces
from offizin.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class PageRow:
    job: int
    number: int
    page: str
    piece: int | None
    state: State
    cause: str | None
    message: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class ReadyPiece:
    """A piece whose turn it may be, with what is needed of its job."""

    seq: int  # of its job
    id: str  # of its job
    run: int
    step: int
    number: int
    processor: str
    priority: int
    tag: int
    attempt: int
    tries: int
    losses: int
    alternative: int = 0
    overwrite: bool = False  # its job


@dataclass(frozen=True, slots=True)
class PieceRow:
    job: int
    number: int
    state: State
    attempt: int
    tries: int
    losses: int
    alternative: int = 0


@dataclass(frozen=True, slots=True)
class PageEnding:
    job: int
    page: str
    state: State
    cause: str | None
    message: str
    mark: str = ""


_ready = Prepared(
    select(
        pieces.c.job, jobs.c.id, jobs.c.run, jobs.c.step, pieces.c.number, pieces.c.processor, pieces.c.priority,
        pieces.c.tag, pieces.c.attempt, pieces.c.tries, pieces.c.losses, pieces.c.alternative, jobs.c.overwrite,
    )
    .join(jobs, jobs.c.seq == pieces.c.job)
    .where(
        pieces.c.server == bindparam("of"),
        pieces.c.processor == bindparam("name"),
        text("pieces.state = 'CACHED' AND pieces.open_edges = 0 AND NOT pieces.held"),
    )
    .order_by(pieces.c.priority.desc(), pieces.c.tag, pieces.c.job)
    .limit(bindparam("room"))
)  # fmt: skip
_end_page = (
    update(job_pages)
    .where(job_pages.c.job == bindparam("of"), job_pages.c.page == bindparam("named"))
    .values(state=bindparam("to"), cause=bindparam("why"), message=bindparam("text"), mark=bindparam("marked"))
)
_set_piece = (
    update(pieces)
    .where(pieces.c.job == bindparam("of"), pieces.c.number == bindparam("which"))
    .values(state=bindparam("to"), tries=bindparam("tried"), losses=bindparam("lost"))
)


def _page(row: Row[Any]) -> PageRow:
    return PageRow(row.job, row.number, row.page, row.piece, State(row.state), row.cause, row.message, row.mark)


def _piece(row: Row[Any]) -> PieceRow:
    return PieceRow(row.job, row.number, State(row.state), row.attempt, row.tries, row.losses, row.alternative)


def add_pages(tx: Transaction, pages_of: Iterable[tuple[int, Sequence[str]]]) -> None:
    """``(job, its pages in METS order)``."""
    values = [
        {"job": job, "number": number, "page": page, "piece": None, "state": "CACHED"}
        for job, named in pages_of
        for number, page in enumerate(named)
    ]
    if values:
        tx.execute(insert(job_pages), values)


def pages(tx: Transaction, job: int, states: Collection[State] | None = None) -> list[PageRow]:
    query = select(job_pages).where(job_pages.c.job == job).order_by(job_pages.c.number)
    if states is not None:
        query = query.where(job_pages.c.state.in_(list(states)))
    return [_page(row) for row in tx.execute(query)]


def pages_of_piece(tx: Transaction, job: int, piece: int) -> list[PageRow]:
    """Those of its pages that are not done yet."""
    query = (
        select(job_pages)
        .where(job_pages.c.job == job, job_pages.c.piece == piece, job_pages.c.state == State.CACHED)
        .order_by(job_pages.c.number)
    )
    return [_page(row) for row in tx.execute(query)]


def page_counts(tx: Transaction, job: int) -> dict[State, int]:
    query = select(job_pages.c.state, func.count()).where(job_pages.c.job == job).group_by(job_pages.c.state)
    return {State(state): count for state, count in tx.execute(query)}


def page_names(tx: Transaction, job_seqs: Collection[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {job: [] for job in job_seqs}
    wanted = list(job_seqs)
    for start in range(0, len(wanted), CHUNK):
        query = select(job_pages.c.job, job_pages.c.page).where(job_pages.c.job.in_(wanted[start : start + CHUNK]))
        for job, page in tx.execute(query.order_by(job_pages.c.job, job_pages.c.number)):
            found[job].append(page)
    return found


def end_pages(tx: Transaction, endings: Sequence[PageEnding]) -> None:
    if endings:
        tx.execute(
            _end_page,
            [
                {
                    "of": e.job, "named": e.page, "to": e.state.value, "why": e.cause, "text": e.message,
                    "marked": e.mark,
                }
                for e in endings
            ],
        )  # fmt: skip


def revive_pages(tx: Transaction, job: int, numbers: Collection[int]) -> None:
    """These pages of a job that is over wait again; the others stay as they are.

    The job's attempts go on from those of its pieces, so that no late result passes for one of a new attempt.
    """
    latest = select(func.max(pieces.c.attempt)).where(pieces.c.job == job).scalar_subquery()
    tx.execute(
        update(jobs)
        .where(jobs.c.seq == job)
        .values(attempt=case((latest > jobs.c.attempt, latest), else_=jobs.c.attempt))
    )
    if numbers:
        tx.execute(
            update(job_pages)
            .where(job_pages.c.job == job, job_pages.c.number == bindparam("which"))
            .values(state=State.CACHED, piece=None, cause=None, message="", mark=""),
            [{"which": number} for number in numbers],
        )
    tx.execute(delete(pieces).where(pieces.c.job == job))


def cut(
    tx: Transaction,
    job: int,
    processor: str,
    priority: int,
    tag: int,
    attempt: int,
    cuts: Sequence[Sequence[int]],
    server: int = 1,
    *,
    alternative: int = 0,
    held: bool = False,
) -> None:
    """Make a piece of each list of page numbers. Numbers of pieces go on from those the job has; each piece's place
    in the fair order is behind the pages of those before it."""
    first = (
        int(tx.execute(select(func.coalesce(func.max(pieces.c.number), -1)).where(pieces.c.job == job)).scalar_one())
        + 1
    )
    tx.execute(
        insert(pieces),
        [
            {
                "job": job, "number": first + offset, "processor": processor, "priority": priority,
                "tag": tag + pages_before, "state": "CACHED", "open_edges": 0, "attempt": attempt,
                "tries": 0, "losses": 0, "server": server, "alternative": alternative, "held": held,
            }
            for offset, pages_before in enumerate(accumulate((len(numbers) for numbers in cuts[:-1]), initial=0))
        ],
    )  # fmt: skip
    assignments = [
        {"of": job, "which": number, "to": first + offset} for offset, numbers in enumerate(cuts) for number in numbers
    ]
    if assignments:
        tx.execute(
            update(job_pages)
            .where(job_pages.c.job == bindparam("of"), job_pages.c.number == bindparam("which"))
            .values(piece=bindparam("to")),
            assignments,
        )


def cut_again(tx: Transaction, job: int, piece: int, open_pages: Sequence[str]) -> None:
    """Make a piece of its own of each of these pages of a piece that is over; attempts are counted on."""
    old, numbers = _of_piece(tx, job, piece, open_pages)
    alone = [[number] for number in numbers]
    cut(
        tx, job, old.processor, old.priority, old.tag, old.attempt, alone, old.server, alternative=old.alternative,
        held=old.held,
    )  # fmt: skip


def cut_off(
    tx: Transaction,
    job: int,
    piece: int,
    named: Sequence[str],
    alternative: int,
    processor: str,
    tag: int | None = None,
) -> None:
    """Make one piece of these pages of a piece, to be done in another way, by this processor; attempts are counted on.
    ``tag`` is its place there, if it is another one than before."""
    old, numbers = _of_piece(tx, job, piece, named)
    cut(
        tx,
        job,
        processor,
        old.priority,
        old.tag if tag is None else tag,
        old.attempt,
        [numbers],
        old.server,
        alternative=alternative,
        held=old.held,
    )


def _of_piece(tx: Transaction, job: int, piece: int, named: Sequence[str]) -> tuple[Row[Any], list[int]]:
    """The piece's row, and the numbers of these pages of it."""
    old = tx.execute(select(pieces).where(pieces.c.job == job, pieces.c.number == piece)).one()
    wanted = set(named)
    query = select(job_pages.c.number, job_pages.c.page).where(job_pages.c.job == job, job_pages.c.piece == piece)
    return old, [number for number, page in tx.execute(query.order_by(job_pages.c.number)) if page in wanted]


def ready(tx: Transaction, processor: str, room: int, server: int = 1) -> list[ReadyPiece]:
    rows = _ready.rows(tx, {"of": server, "name": processor, "room": room})
    return [ReadyPiece(*(*row[:12], bool(row[12]))) for row in rows]


def ready_processors(tx: Transaction, server: int = 1) -> set[str]:
    query = select(pieces.c.processor).where(pieces.c.server == server, text(READY)).distinct()
    return set(tx.execute(query).scalars())


def queue(tx: Transaction, which: Iterable[tuple[int, int]]) -> None:
    values = [{"of": job, "which": number} for job, number in which]
    if values:
        tx.execute(
            update(pieces)
            .where(pieces.c.job == bindparam("of"), pieces.c.number == bindparam("which"))
            .values(state=State.QUEUED, attempt=pieces.c.attempt + 1, holder=None),
            values,
        )


def row(tx: Transaction, job: int, number: int) -> PieceRow | None:
    found = tx.execute(select(pieces).where(pieces.c.job == job, pieces.c.number == number)).one_or_none()
    if found is None:
        return None
    return _piece(found)


def set_states(tx: Transaction, changes: Iterable[tuple[PieceRow, State]]) -> None:
    """Write each row with its new state (its ``tries`` and ``losses`` as they are in it)."""
    values = [
        {"of": p.job, "which": p.number, "to": state.value, "tried": p.tries, "lost": p.losses} for p, state in changes
    ]
    if values:
        tx.execute(_set_piece, values)


def mark_running(tx: Transaction, which: Iterable[tuple[int, int, int]]) -> None:
    """``(job, piece, attempt)``."""
    values = [{"of": job, "which": number, "at": attempt} for job, number, attempt in which]
    if values:
        tx.execute(
            update(pieces)
            .where(
                pieces.c.job == bindparam("of"), pieces.c.number == bindparam("which"),
                pieces.c.attempt == bindparam("at"), pieces.c.state == State.QUEUED,
            )
            .values(state=State.RUNNING),
            values,
        )  # fmt: skip


def open_pieces(tx: Transaction, job: int) -> list[PieceRow]:
    query = select(pieces).where(pieces.c.job == job, pieces.c.state != State.SUCCESS).order_by(pieces.c.number)
    return [_piece(found) for found in tx.execute(query)]


def drop_waiting(tx: Transaction, job: int) -> None:
    """Pieces that are not in flight are over; their pages stay as they are."""
    tx.execute(update(pieces).where(pieces.c.job == job, pieces.c.state == State.CACHED).values(state=State.SUCCESS))


def in_flight(tx: Transaction, server: int = 1) -> list[PieceRow]:
    query = select(pieces).where(pieces.c.server == server, text(IN_FLIGHT)).order_by(pieces.c.job, pieces.c.number)
    return [_piece(found) for found in tx.execute(query)]
