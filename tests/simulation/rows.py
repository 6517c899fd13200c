"""Jobs as their rows say: read without the store's own functions, which may be wrong."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from offizin.jobs import State

IN_FLIGHT = (State.QUEUED, State.RUNNING)


class Violated(AssertionError):
    """Something happened that must never happen."""


def require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Violated(otherwise)


@dataclass(frozen=True)
class Job:
    """What does not change about a job."""

    seq: int
    id: str
    run: int
    pages: frozenset[str]
    many: bool
    processor: str
    mets: str
    reads: frozenset[str]
    writes: frozenset[str]

    def conflicts_with(self, other: Job) -> bool:
        touched = (self.writes & (other.reads | other.writes)) | (self.reads & other.writes)
        return self.mets == other.mets and bool(self.pages & other.pages) and bool(touched)


@dataclass(frozen=True, slots=True)
class JobState:
    """What does."""

    seq: int
    run: int
    many: bool
    state: State
    open_edges: int
    attempt: int
    priority: int


class Rows:
    """``connection`` is a second look at the database. ``jobs`` by number, ``by_id`` by id; ``conflicts``: for each job
    all that touch what it writes, or write what it touches."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.jobs: dict[int, Job] = {}
        self.by_id: dict[str, Job] = {}
        self.conflicts: dict[int, set[int]] = {}
        self._connection = connection

    def all(self, query: str, *values: object) -> list[Any]:
        return self._connection.execute(query, values).fetchall()

    def states(self) -> dict[int, JobState]:
        """All jobs as they are now; new ones are met."""
        rows = self.all("SELECT seq, run, page IS NULL, state, open_edges, attempt, priority FROM jobs")
        if len(rows) > len(self.jobs):
            self._meet_new_jobs()
        return {
            seq: JobState(seq, run, bool(many), State(state), open_edges, attempt, priority)
            for seq, run, many, state, open_edges, attempt, priority in rows
        }

    def _meet_new_jobs(self) -> None:
        pages = defaultdict(set)
        for seq, page in self.all("SELECT job, page FROM job_pages"):
            pages[seq].add(page)
        steps = {
            (run, number): (processor, mets, frozenset(json.loads(reads)), frozenset(json.loads(writes)))
            for run, number, processor, mets, reads, writes in self.all(
                "SELECT run, number, processor, mets, input_file_grps, output_file_grps FROM steps "
                "JOIN runs ON runs.seq = steps.run JOIN workspaces ON workspaces.seq = runs.workspace"
            )
        }
        for seq, job_id, run, step, page in self.all("SELECT seq, id, run, step, page FROM jobs ORDER BY seq"):
            if seq in self.jobs:
                continue
            own = frozenset(pages[seq]) if page is None else frozenset([page])
            job = Job(seq, job_id, run, own, page is None, *steps[run, step])
            self.conflicts[seq] = {other.seq for other in self.jobs.values() if job.conflicts_with(other)}
            for other_seq in self.conflicts[seq]:
                self.conflicts[other_seq].add(seq)
            self.jobs[seq] = self.by_id[job_id] = job
