"""What gets no new work, until somebody says otherwise: because somebody asked for it, or after failures in a row."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import bindparam, delete, insert, select

from offizin.store.prepared import Prepared
from offizin.store.tables import pauses
from offizin.store.transaction import Transaction


class PauseKind(StrEnum):
    PROCESSOR = "processor"
    HOST = "host"
    STEP = "step"  # RUN/STEP, the run's id and the number of the step from 1
    HOST_AND_PROCESSOR = "host and processor"  # HOST/PROCESSOR


@dataclass(frozen=True, slots=True)
class PauseRow:
    """``since`` in seconds since the epoch; ``cause`` is that of the failures, empty where somebody asked for it."""

    kind: PauseKind
    name: str
    since: float
    cause: str = ""
    message: str = ""


# "0" comes after "/": all names that begin with the run's id and a slash.
_forget_run = Prepared(
    delete(pauses)
    .where(pauses.c.kind == PauseKind.STEP.value, pauses.c.name > bindparam("from"), pauses.c.name < bindparam("to"))
    .returning(pauses.c.name)
)


def step_name(run_id: str, step: int) -> str:
    """What a pause of this step (from 0) is called, as users count: from 1."""
    return f"{run_id}/{step + 1}"


def step_of(name: str) -> tuple[str, int] | None:
    """The reverse of ``step_name``; None when that is no name of a step."""
    run_id, _, number = name.rpartition("/")
    return (run_id, int(number) - 1) if run_id and number.isascii() and number.isdecimal() and int(number) else None


def place_name(host: str, processor: str) -> str:
    """What a pause of a processor on a host is called."""
    return f"{host}/{processor}"


def place_of(name: str) -> tuple[str, str]:
    """The reverse of ``place_name``."""
    host, _, processor = name.rpartition("/")
    return host, processor


def add(tx: Transaction, kind: PauseKind, name: str, now: float, cause: str = "", message: str = "") -> bool:
    """Whether it is new. What is paused already stays so since then."""
    if any((row.kind, row.name) == (kind, name) for row in all_of_them(tx)):
        return False
    tx.execute(insert(pauses).values(kind=kind, name=name, since=now, cause=cause, message=message))
    return True


def remove(tx: Transaction, kind: PauseKind, name: str) -> bool:
    """Whether it was paused."""
    return bool(tx.execute(delete(pauses).where(pauses.c.kind == kind, pauses.c.name == name)).rowcount)


def forget_run(tx: Transaction, run_id: str) -> bool:
    """A run has ended: nothing of it waits. Whether a step of it was paused."""
    return bool(_forget_run.rows(tx, {"from": f"{run_id}/", "to": f"{run_id}0"}))


def steps_of_run(tx: Transaction, run_id: str) -> list[int]:
    """Its steps that are paused."""
    found = (step_of(row.name) for row in all_of_them(tx) if row.kind is PauseKind.STEP)
    return sorted(step[1] for step in found if step is not None and step[0] == run_id)


def all_of_them(tx: Transaction) -> list[PauseRow]:
    query = select(pauses).order_by(pauses.c.since, pauses.c.kind, pauses.c.name)
    return [PauseRow(PauseKind(row.kind), row.name, row.since, row.cause, row.message) for row in tx.execute(query)]
