"""Kills, and the table of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from offizin.faults import POINTS
from tests.chaos.in_flight import InFlight

_HEAD = ("killed", "kills", "with work in flight", "jobs in flight", "results not in METS", "ends not written")


@dataclass(frozen=True)
class Kill:
    """``where``: the fault point, or what was killed at a random moment."""

    where: str
    in_flight: InFlight


def table(kills: Sequence[Kill]) -> list[str]:
    """A table in Markdown: a line for each place, with the smallest, median and largest counts of its kills."""
    places = sorted({kill.where for kill in kills}, key=lambda where: (_order(where), where))
    rows = [_HEAD, tuple("---" for _ in _HEAD)]
    for where in places:
        found = [kill.in_flight for kill in kills if kill.where == where]
        rows.append(
            (
                where,
                str(len(found)),
                str(sum(map(bool, found))),
                _spread([each.jobs for each in found]),
                _spread([each.deltas for each in found]),
                _spread([each.ends for each in found]),
            )
        )
    rows.append(("all", str(len(kills)), str(sum(bool(kill.in_flight) for kill in kills)), "", "", ""))
    return [f"| {' | '.join(row)} |" for row in rows]


def _order(where: str) -> int:
    return POINTS.index(where) if where in POINTS else len(POINTS)


def _spread(counts: Sequence[int]) -> str:
    if len(counts) == 1:
        return str(counts[0])
    return f"{min(counts)} / {median(counts):g} / {max(counts)}"
