"""Which job waits for which. Pure.

A job *needs* the last job before it that writes what it reads, and comes *after* every other one before it that writes
what it reads or writes, or reads what it writes. Both are decided page by page and file group by file group, so page
locks are edges, too. No edge is left out because others lead the same way: a job in between may be cancelled while it
waits, and is over then before those that it waited for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from offizin.store.edges import Edge, EdgeKind


@dataclass(frozen=True, slots=True)
class Work:
    """What a job touches: ``seq`` its number, page ids, and the file groups it reads and writes."""

    seq: int
    pages: Sequence[str]
    reads: Sequence[str]
    writes: Sequence[str]


def edges_between(live: Iterable[Work], new: Iterable[Work]) -> list[Edge]:
    """The edges that lead to ``new`` jobs, each pair once; both sequences in the order they were submitted.

    Edges among ``live`` jobs are there already and not given again.
    """
    writers: dict[tuple[str, str], list[int]] = {}
    readers: dict[tuple[str, str], list[int]] = {}

    def enter(work: Work) -> None:
        for page in work.pages:
            for group in work.reads:
                readers.setdefault((group, page), []).append(work.seq)
            for group in work.writes:
                writers.setdefault((group, page), []).append(work.seq)

    for work in live:
        enter(work)
    found: list[Edge] = []
    for work in new:
        kinds: dict[int, EdgeKind] = {}
        for page in work.pages:
            for group in work.writes:
                for seq in (*writers.get((group, page), ()), *readers.get((group, page), ())):
                    kinds.setdefault(seq, EdgeKind.AFTER)
            for group in work.reads:
                if made := writers.get((group, page)):
                    for seq in made[:-1]:
                        kinds.setdefault(seq, EdgeKind.AFTER)
                    kinds[made[-1]] = EdgeKind.NEEDS
        found.extend(Edge(seq, work.seq, kind) for seq, kind in kinds.items())
        enter(work)
    return found
