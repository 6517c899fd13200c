"""Jobs: their rows, and the few statements of the hot path."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, false, func, insert, null, select, text, update

from offizin.jobs import LIVE, SKIPPED, State
from offizin.store.prepared import Prepared, among, numbers
from offizin.store.tables import IN_FLIGHT, READY, edges, jobs
from offizin.store.transaction import Transaction

# SQLite allows 32,766 bound values in a statement.
CHUNK = 10_000


@dataclass(frozen=True, slots=True)
class NewJob:
    """``page`` is None for a job whose pages stand in job_pages."""

    id: str
    step: int
    page: str | None
    pages: int
    processor: str
    tag: int
    open_edges: int
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class JobRow:
    """The columns that scheduling works with."""

    seq: int
    id: str
    run: int
    step: int
    page: str | None
    pages: int
    processor: str
    state: State
    open_edges: int
    attempt: int
    tries: int
    losses: int
    cancelling: bool
    alternative: int = 0
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class ReadyJob:
    """A job of one page, or one that is to be cut (``page`` None), whose turn it may be."""

    seq: int
    id: str
    run: int
    step: int
    page: str | None
    pages: int
    processor: str
    priority: int
    tag: int
    attempt: int
    tries: int
    losses: int
    alternative: int = 0
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class Ending:
    """What a job's row becomes when an attempt is over (``state`` CACHED: it is tried again)."""

    seq: int
    state: State
    cause: str | None
    message: str
    started_at: float | None
    ended_at: float | None
    seconds: float
    tries: int
    losses: int
    mark: str = ""
    peak_memory: int = 0


@dataclass(frozen=True, slots=True)
class Revival:
    """How a job that is over waits again: at which place, and which way it is done then."""

    seq: int
    tag: int
    processor: str
    alternative: int = 0
    overwrite: bool = False


_row_columns = [
    jobs.c.seq, jobs.c.id, jobs.c.run, jobs.c.step, jobs.c.page, jobs.c.pages, jobs.c.processor, jobs.c.state,
    jobs.c.open_edges, jobs.c.attempt, jobs.c.tries, jobs.c.losses, jobs.c.cancelling, jobs.c.alternative,
    jobs.c.overwrite,
]  # fmt: skip
_rows_by_seq = Prepared(select(*_row_columns).where(among(jobs.c.seq, "seqs")))
_rows_by_id = select(*_row_columns).where(jobs.c.id.in_(bindparam("ids", expanding=True)))
_ready = Prepared(
    select(
        jobs.c.seq, jobs.c.id, jobs.c.run, jobs.c.step, jobs.c.page, jobs.c.pages, jobs.c.processor, jobs.c.priority,
        jobs.c.tag, jobs.c.attempt, jobs.c.tries, jobs.c.losses, jobs.c.alternative, jobs.c.overwrite,
    )
    .where(jobs.c.server == bindparam("of"), jobs.c.processor == bindparam("name"), text(READY))
    .order_by(jobs.c.priority.desc(), jobs.c.tag, jobs.c.seq)
    .limit(bindparam("room"))
)  # fmt: skip
_add = Prepared(
    insert(jobs).values(
        {
            name: bindparam(name)
            for name in (
                "seq", "id", "run", "step", "page", "pages", "processor", "priority", "tag", "state", "open_edges",
                "attempt", "tries", "losses", "cancelling", "server", "overwrite",
            )
        }
    )
)  # fmt: skip
_ends_of_run = Prepared(select(jobs.c.state, jobs.c.mark).where(jobs.c.run == bindparam("of")).distinct())
_next_number = Prepared(select(func.coalesce(func.max(jobs.c.seq), 0)))
_ready_processors = select(jobs.c.processor).where(jobs.c.server == bindparam("of"), text(READY)).distinct()
_queue = Prepared(
    update(jobs)
    .where(jobs.c.seq == bindparam("job"))
    .values(
        state=text("'QUEUED'"), attempt=text("attempt + 1"), queued_at=bindparam("at"), started_at=null(), holder=null()
    )
)
_end = Prepared(
    update(jobs)
    .where(jobs.c.seq == bindparam("job"))
    .values(
        state=bindparam("to"), cause=bindparam("why"), message=bindparam("text"), started_at=bindparam("begun"),
        ended_at=bindparam("over"), seconds=bindparam("took"), tries=bindparam("tried"), losses=bindparam("lost"),
        cancelling=false(), mark=bindparam("marked"), peak_memory=bindparam("memory"),
    )
)  # fmt: skip
_running = Prepared(
    update(jobs)
    .where(jobs.c.seq == bindparam("job"), jobs.c.attempt == bindparam("number"), text("state = 'QUEUED'"))
    .values(state=text("'RUNNING'"), started_at=bindparam("at"))
)
_behind = (
    select(edges.c.successor, func.count().label("closed"))
    .where(among(edges.c.predecessor, "ended"))
    .group_by(edges.c.successor)
    .subquery("behind")
)
_close_edges = Prepared(
    update(jobs)
    .where(jobs.c.seq == _behind.c.successor)
    .values(open_edges=jobs.c.open_edges - _behind.c.closed)
    .returning(jobs.c.processor, jobs.c.state, jobs.c.open_edges)
)


def _job(row: Sequence[Any]) -> JobRow:
    values: tuple[Any, ...] = tuple(row)
    return JobRow(*(*values[:7], State(values[7]), *values[8:12], bool(values[12]), values[13], bool(values[14])))


def next_number(tx: Transaction) -> int:
    """The number that the next job will have; it stays so until the end of this writing transaction."""
    return int(_next_number.rows(tx, {})[0][0]) + 1


def add(tx: Transaction, run: int, priority: int, first: int, new: Sequence[NewJob], server: int = 1) -> None:
    """Write the jobs of one submission to this server, numbered from ``first``."""
    _add.run_many(
        tx,
        [
            {
                "seq": first + offset, "id": job.id, "run": run, "step": job.step, "page": job.page,
                "pages": job.pages, "processor": job.processor, "priority": priority, "tag": job.tag,
                "state": "CACHED", "open_edges": job.open_edges, "attempt": 0, "tries": 0, "losses": 0,
                "cancelling": False, "server": server, "overwrite": job.overwrite,
            }
            for offset, job in enumerate(new)
        ],
    )  # fmt: skip


def rows(tx: Transaction, seqs: Collection[int]) -> dict[int, JobRow]:
    if not seqs:
        return {}
    return {row[0]: _job(row) for row in _rows_by_seq.rows(tx, {"seqs": numbers(tx, seqs)})}


def rows_by_id(tx: Transaction, ids: Collection[str]) -> dict[str, JobRow]:
    return {row[1]: _job(row) for row in tx.execute(_rows_by_id, {"ids": list(ids)})} if ids else {}


def owners(tx: Transaction, ids: Collection[str]) -> dict[str, int]:
    """The servers of those of the jobs that are not over."""
    query = select(jobs.c.id, jobs.c.server).where(jobs.c.id.in_(list(ids)), jobs.c.state.in_(list(LIVE)))
    return {job: server for job, server in tx.execute(query)}


def server_of(tx: Transaction, job_id: str) -> int | None:
    """The server that owns the job, or owned it when it ended; None when there is no such job."""
    return tx.execute(select(jobs.c.server).where(jobs.c.id == job_id)).scalar_one_or_none()


def of_run(tx: Transaction, run: int, states: Collection[State] | None = None) -> list[JobRow]:
    query = select(*_row_columns).where(jobs.c.run == run).order_by(jobs.c.seq)
    if states is not None:
        query = query.where(jobs.c.state.in_(list(states)))
    return [_job(row) for row in tx.execute(query)]


def live_of_step(tx: Transaction, run: int, step: int) -> list[JobRow]:
    query = select(*_row_columns).where(jobs.c.run == run, jobs.c.step == step, jobs.c.state.in_(list(LIVE)))
    return [_job(row) for row in tx.execute(query.order_by(jobs.c.seq))]


def ready(tx: Transaction, processor: str, room: int, server: int = 1) -> list[ReadyJob]:
    """The next ``room`` jobs of the processor: by priority, then in fair order."""
    rows = _ready.rows(tx, {"of": server, "name": processor, "room": room})
    return [ReadyJob(*(*row[:13], bool(row[13]))) for row in rows]


def ready_processors(tx: Transaction, server: int = 1) -> set[str]:
    return set(tx.execute(_ready_processors, {"of": server}).scalars())


def queue(tx: Transaction, seqs: Iterable[int], now: float) -> None:
    _queue.run_many(tx, [{"job": seq, "at": now} for seq in seqs])


def end_attempts(tx: Transaction, endings: Sequence[Ending]) -> None:
    if endings:
        _end.run_many(
            tx,
            [
                {
                    "job": e.seq, "to": e.state.value, "why": e.cause, "text": e.message, "begun": e.started_at,
                    "over": e.ended_at, "took": e.seconds, "tried": e.tries, "lost": e.losses, "marked": e.mark,
                    "memory": e.peak_memory,
                }
                for e in endings
            ],
        )  # fmt: skip


def end_whole(tx: Transaction, seq: int, state: State, cause: str | None, message: str, now: float) -> None:
    """A job of many pages is over; its time runs from its first piece's start."""
    statement = update(jobs).where(jobs.c.seq == seq)
    began = func.coalesce(jobs.c.started_at, jobs.c.queued_at)
    tx.execute(
        statement.values(
            state=state, cause=cause, message=message, started_at=began, ended_at=now, seconds=now - began,
            cancelling=False,
        )
    )  # fmt: skip


def mark_running(tx: Transaction, taken: Iterable[tuple[int, int, float]]) -> None:
    """``(job, attempt, started at)``; a job that is no longer QUEUED at that attempt stays as it is."""
    values = [{"job": job, "number": attempt, "at": at} for job, attempt, at in taken]
    _running.run_many(tx, values)


def close_edges(tx: Transaction, ended: Collection[int]) -> set[str]:
    """Count down at those that come behind these jobs; the processors of those that now wait for nothing."""
    if not ended:
        return set()
    found = _close_edges.rows(tx, {"ended": numbers(tx, ended)})
    return {processor for processor, state, left in found if left == 0 and state == State.CACHED}


def cancel_waiting(tx: Transaction, seqs: Collection[int], cause: str | None, message: str, now: float) -> None:
    wanted = list(seqs)
    for start in range(0, len(wanted), CHUNK):
        tx.execute(
            update(jobs)
            .where(jobs.c.seq.in_(wanted[start : start + CHUNK]))
            .values(state=State.CANCELLED, cause=cause, message=message, ended_at=now)
        )


def take_way(tx: Transaction, seq: int, alternative: int, processor: str, tag: int | None = None) -> None:
    """From its next attempt on, the job is done in this way, by this processor; ``tag`` is its place there, if it is
    another one than before."""
    values: dict[str, Any] = {"alternative": alternative, "processor": processor}
    if tag is not None:
        values["tag"] = tag
    tx.execute(update(jobs).where(jobs.c.seq == seq).values(values))


def priority_of(tx: Transaction, seq: int) -> int:
    return int(tx.execute(select(jobs.c.priority).where(jobs.c.seq == seq)).scalar_one())


def skip_waiting(tx: Transaction, seqs: Collection[int], cause: str, message: str, now: float) -> None:
    """Jobs of one page that are not to be done: they are over, without output."""
    values = {"state": State.SUCCESS, "mark": SKIPPED, "cause": cause, "message": message, "ended_at": now}
    wanted = list(seqs)
    for start in range(0, len(wanted), CHUNK):
        tx.execute(update(jobs).where(jobs.c.seq.in_(wanted[start : start + CHUNK])).values(values))


def mark_cancelling(tx: Transaction, seqs: Collection[int]) -> None:
    if seqs:
        tx.execute(update(jobs).where(jobs.c.seq.in_(list(seqs))).values(cancelling=True))


def revive(tx: Transaction, revivals: Iterable[Revival], server: int = 1) -> None:
    """Ended jobs wait again, for a new attempt by this server."""
    values = [
        {"job": r.seq, "new_tag": r.tag, "by": r.processor, "way": r.alternative, "anew": r.overwrite} for r in revivals
    ]
    if values:
        tx.execute(
            update(jobs)
            .where(jobs.c.seq == bindparam("job"))
            .values(
                state=State.CACHED, tag=bindparam("new_tag"), open_edges=0, tries=0, losses=0, cause=None, message="",
                queued_at=None, started_at=None, ended_at=None, seconds=None, cancelling=False, held=False,
                processor=bindparam("by"), alternative=bindparam("way"), overwrite=bindparam("anew"), mark="",
                server=server,
            ),
            values,
        )  # fmt: skip


def set_open_edges(tx: Transaction, waits: Iterable[tuple[int, int]]) -> None:
    """``(job, how many jobs it waits for)``."""
    values = [{"job": job, "open": count} for job, count in waits]
    if values:
        tx.execute(update(jobs).where(jobs.c.seq == bindparam("job")).values(open_edges=bindparam("open")), values)


def in_flight(tx: Transaction, server: int = 1) -> list[JobRow]:
    query = select(*_row_columns).where(jobs.c.server == server, text(IN_FLIGHT)).order_by(jobs.c.seq)
    return [_job(row) for row in tx.execute(query)]


def reasons(tx: Transaction, seqs: Collection[int]) -> dict[int, tuple[str | None, str]]:
    """Cause and message of each."""
    found: dict[int, tuple[str | None, str]] = {}
    wanted = list(seqs)
    for start in range(0, len(wanted), CHUNK):
        query = select(jobs.c.seq, jobs.c.cause, jobs.c.message).where(jobs.c.seq.in_(wanted[start : start + CHUNK]))
        found.update({seq: (cause, message) for seq, cause, message in tx.execute(query)})
    return found


def marked(tx: Transaction, run: int, mark: str) -> set[int]:
    """The run's jobs that have this mark."""
    return set(tx.execute(select(jobs.c.seq).where(jobs.c.run == run, jobs.c.mark == mark)).scalars())


def ends_of_run(tx: Transaction, run: int) -> set[tuple[State, str]]:
    """Which states, and marks, there are among its jobs."""
    return {(State(state), mark) for state, mark in _ends_of_run.rows(tx, {"of": run})}


def states_of_many_pages(tx: Transaction, run: int) -> set[State]:
    """Which states there are among its jobs of many pages."""
    query = select(jobs.c.state).where(jobs.c.run == run, jobs.c.page.is_(None)).distinct()
    return {State(state) for state in tx.execute(query).scalars()}


def ids_of_run(tx: Transaction, run: int) -> list[tuple[str | None, str]]:
    """``(page, job id)`` in the order of the submission: by page, then step."""
    return [(p, i) for p, i in tx.execute(select(jobs.c.page, jobs.c.id).where(jobs.c.run == run).order_by(jobs.c.seq))]
