"""Other ways to do the steps of a run: its fallbacks, and what a retry asked for. Number 0 is the step's own way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, insert, select

from offizin.store.prepared import Prepared
from offizin.store.tables import alternatives
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


def ensure(tx: Transaction, run: int, step: int, processor: str, parameters: str) -> int:
    """The number of this way to do a step, which somebody asks for; the same one when it was asked for before."""
    there = [row for row in of_run(tx, run) if row.step == step]
    for row in there:
        if (row.processor, row.parameters, row.is_fallback) == (processor, parameters, False):
            return row.number
    number = max((row.number for row in there), default=0) + 1
    add(tx, run, [AlternativeRow(step, number, processor, parameters, is_fallback=False)])
    return number
