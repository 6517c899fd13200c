"""Other ways to do the steps of a run: its fallbacks, and what a retry asked for. Number 0 is the step's own way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, insert, select, union_all

from offizin.jobs import OWN_WAY, SKIPPED, State
from offizin.store.prepared import Prepared
from offizin.store.tables import alternatives, job_pages, jobs, pieces
from offizin.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class AlternativeRow:
    """``number`` counts from 1 in each step; ``parameters`` is a JSON object's text, defaults filled in."""

    step: int
    number: int
    processor: str
    parameters: str
    is_fallback: bool


_add = Prepared(
    insert(alternatives).values(
        {name: bindparam(name) for name in ("run", "step", "number", "processor", "parameters", "is_fallback")}
    )
)
_of_run = Prepared(
    select(
        alternatives.c.step, alternatives.c.number, alternatives.c.processor, alternatives.c.parameters,
        alternatives.c.is_fallback,
    )
    .where(alternatives.c.run == bindparam("of"))
    .order_by(alternatives.c.step, alternatives.c.number)
)  # fmt: skip


def add(tx: Transaction, run: int, new: Sequence[AlternativeRow]) -> None:
    _add.run_many(
        tx,
        [
            {
                "run": run, "step": row.step, "number": row.number, "processor": row.processor,
                "parameters": row.parameters, "is_fallback": row.is_fallback,
            }
            for row in new
        ],
    )  # fmt: skip


def of_run(tx: Transaction, run: int) -> list[AlternativeRow]:
    """By step and number."""
    return [
        AlternativeRow(step, number, processor, parameters, bool(is_fallback))
        for step, number, processor, parameters, is_fallback in _of_run.rows(tx, {"of": run})
    ]


def pages_done(tx: Transaction, run: int) -> dict[tuple[int, int], list[str]]:
    """The pages that succeeded in another way than their step's own, copies of their input included, by step and number
    of the way, in their order."""
    alone = select(jobs.c.step, jobs.c.alternative, jobs.c.page, jobs.c.seq.label("place")).where(
        jobs.c.run == run,
        jobs.c.page.is_not(None),
        jobs.c.state == State.SUCCESS,
        jobs.c.mark != SKIPPED,
        jobs.c.alternative != OWN_WAY,
    )
    of_many = (
        select(jobs.c.step, pieces.c.alternative, job_pages.c.page, job_pages.c.number.label("place"))
        .join(job_pages, job_pages.c.job == jobs.c.seq)
        .join(pieces, (pieces.c.job == jobs.c.seq) & (pieces.c.number == job_pages.c.piece))
        .where(
            jobs.c.run == run,
            job_pages.c.state == State.SUCCESS,
            job_pages.c.mark != SKIPPED,
            pieces.c.alternative != OWN_WAY,
        )
    )
    both = union_all(alone, of_many).subquery()
    found: dict[tuple[int, int], list[str]] = {}
    query = select(both.c.step, both.c.alternative, both.c.page).order_by(both.c.step, both.c.place)
    for step, number, page in tx.execute(query):
        found.setdefault((step, number), []).append(page)
    return found


def fallback_after(alternative: int, fallbacks: Sequence[tuple[int, str]]) -> tuple[int, str] | None:
    """Of the fallbacks of a step (number and processor, in order) the next one. None is tried after what somebody asked
    for: who did is told that it does not work."""
    if alternative != OWN_WAY and not any(number == alternative for number, _ in fallbacks):
        return None
    return next((fallback for fallback in fallbacks if fallback[0] > alternative), None)


def ensure(tx: Transaction, run: int, step: int, processor: str, parameters: str) -> int:
    """The number of this way to do a step, which somebody asks for; the same one when it was asked for before."""
    there = [row for row in of_run(tx, run) if row.step == step]
    for row in there:
        if (row.processor, row.parameters, row.is_fallback) == (processor, parameters, False):
            return row.number
    number = max((row.number for row in there), default=0) + 1
    add(tx, run, [AlternativeRow(step, number, processor, parameters, is_fallback=False)])
    return number
