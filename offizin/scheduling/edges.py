"""Which job waits for which. Pure.

A job *needs* the last job before it that writes what it reads, and comes *after* the last one that writes, and all that
read, what it writes. Both are decided page by page and file group by file group, so page locks are edges, too.
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
    writer: dict[tuple[str, str], int] = {}
    readers: dict[tuple[str, str], list[int]] = {}

    def enter(work: Work) -> None:
        for page in work.pages:
            for group in work.reads:
                readers.setdefault((group, page), []).append(work.seq)
            for group in work.writes:
                writer[group, page] = work.seq
                readers.pop((group, page), None)

    for work in live:
        enter(work)
    found: list[Edge] = []
    for work in new:
        kinds: dict[int, EdgeKind] = {}
        for page in work.pages:
            for group in work.writes:
                before = writer.get((group, page))
                if before is not None:
                    kinds.setdefault(before, EdgeKind.AFTER)
                for reader in readers.get((group, page), ()):
                    kinds.setdefault(reader, EdgeKind.AFTER)
            for group in work.reads:
                before = writer.get((group, page))
                if before is not None:
                    kinds[before] = EdgeKind.NEEDS
        kinds.pop(work.seq, None)
        found.extend(Edge(predecessor, work.seq, kind) for predecessor, kind in kinds.items())
        enter(work)
    return found
