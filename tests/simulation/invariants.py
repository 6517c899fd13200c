"""What must hold after every transaction, looked at from outside: from the rows themselves, and from what users asked
for. Nothing here asks the scheduler."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from offizin.jobs import FINAL, LIVE, State, final_run_state, may_become
from offizin.pages import resolve_pages
from offizin.store.events import Change
from tests.simulation.fairness import Fairness
from tests.simulation.mets_files import MetsFiles
from tests.simulation.rows import IN_FLIGHT, JobState, Rows, require

_changes = msgspec.json.Decoder(list[Change])


@dataclass
class Seen:
    """How the rows were at the end of the transaction before. ``ended``: numbers of runs."""

    states: dict[int, JobState] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)


class Invariants:
    """Of all rows together. ``callbacks`` counts those that are due: URL, and the state that they are to say."""

    def __init__(self, rows: Rows, mets: MetsFiles) -> None:
        self.callbacks: Counter[tuple[str, str]] = Counter()
        self._rows = rows
        self._mets = mets
        self._seen = Seen()
        self._fairness = Fairness()

    def check(self, retried: bool) -> None:
        """``retried``: a user asked for a retry in the transaction that has just been committed."""
        states = self._rows.states()
        self._check_transitions(states, retried)
        self._check_edges(states)
        rows = list(states.values())
        self._check_nobody_in_the_way(rows)
        if any(row.many for row in rows):
            self._check_pages(rows)
        self._check_runs(rows)
        self._fairness.check(self._seen.states, states, self._rows.jobs)
        self._seen.states = states

    def _check_transitions(self, states: dict[int, JobState], retried: bool) -> None:
        for seq, row in states.items():
            before = self._seen.states.get(seq)
            if before is None or before == row:
                continue
            was, now = before.state, row.state
            require(
                row.attempt >= before.attempt, f"job {seq} went back from attempt {before.attempt} to {row.attempt}"
            )
            if was in FINAL:
                allowed = now is was or (retried and was is not State.SUCCESS)
                require(allowed, f"job {seq} was {was} and is {now} without a retry")
                require(row.attempt == before.attempt or retried, f"job {seq} is {was} and was tried once more")
                continue
            # In one transaction a job may come back and leave again.
            require(
                was is now or may_become(was, now) or (may_become(was, State.CACHED) and now is State.QUEUED),
                f"job {seq} was {was} and is {now}",
            )

    def _check_edges(self, states: dict[int, JobState]) -> None:
        open_edges: Counter[int] = Counter(
            successor
            for predecessor, successor in self._rows.all("SELECT predecessor, successor FROM edges")
            if states[predecessor].state in LIVE
        )
        for row in states.values():
            if row.state is State.CACHED:
                counted, there = row.open_edges, open_edges[row.seq]
                require(counted == there, f"job {row.seq} counts {counted} open edges, there are {there}")
            elif row.state in IN_FLIGHT:
                require(
                    not open_edges[row.seq], f"job {row.seq} is {row.state} and waits for {open_edges[row.seq]} jobs"
                )

    def _check_nobody_in_the_way(self, rows: Sequence[JobState]) -> None:
        in_flight = {row.seq for row in rows if row.state in IN_FLIGHT}
        for seq in in_flight:
            meets = self._rows.conflicts[seq] & in_flight
            require(not meets, f"jobs {seq} and {sorted(meets)} are in flight and touch the same")

    def _check_pages(self, rows: Sequence[JobState]) -> None:
        pages: dict[int, list[State]] = defaultdict(list)
        for job, state in self._rows.all("SELECT job, state FROM job_pages"):
            pages[job].append(State(state))
        open_pieces = Counter(job for (job,) in self._rows.all("SELECT job FROM pieces WHERE state <> 'SUCCESS'"))
        for row in rows:
            if not row.many:
                continue
            state, own = row.state, pages[row.seq]
            if state in FINAL:
                require(all(page in FINAL for page in own), f"job {row.seq} is {state}, its pages are {own}")
                require(not open_pieces[row.seq], f"job {row.seq} is {state} with open pieces")
                good = all(page is State.SUCCESS for page in own)
                require(good == (state is State.SUCCESS), f"job {row.seq} is {state}, its pages are {own}")
            elif state in IN_FLIGHT:
                require(open_pieces[row.seq] > 0, f"job {row.seq} is {state} and has no open piece")

    def _check_runs(self, rows: Sequence[JobState]) -> None:
        of_run: dict[int, list[State]] = defaultdict(list)
        for row in rows:
            of_run[row.run].append(row.state)
        for run, open_jobs, ended_at, state, message, callback_url in self._rows.all(
            "SELECT seq, open_jobs, ended_at, state, message, callback_url FROM runs"
        ):
            states = of_run[run]
            live = sum(state in LIVE for state in states)
            require(open_jobs == live, f"run {run} counts {open_jobs} open jobs, there are {live}")
            if ended_at is None:
                self._seen.ended.discard(run)
                continue
            require(not live, f"run {run} has ended with {live} open jobs")
            if run in self._seen.ended:
                continue
            self._seen.ended.add(run)
            if callback_url:
                self.callbacks[callback_url, "SUCCESS" if state == State.SUCCESS else "FAILED"] += 1
            if message:
                require(state == State.FAILED, f"run {run} was not saved and is {state}")
            else:
                require(state == final_run_state(states), f"run {run} is {state} with {states}")
                self._check_saved(run, state)

    def _check_saved(self, run: int, state: str) -> None:
        """What a run did is in the file on disk, once; and if it succeeded, all that it was asked for."""
        for seq, job_state in self._rows.all("SELECT seq, state FROM jobs WHERE run = ?", run):
            job = self._rows.jobs[seq]
            done = job.pages if job_state == State.SUCCESS else frozenset[str]()
            if job.many:
                good = "SELECT page FROM job_pages WHERE job = ? AND state = 'SUCCESS'"
                done = frozenset(page for (page,) in self._rows.all(good, seq))
            self._check_once(run, job.mets, job.writes, done)
        if state == State.SUCCESS:
            ((mets, selector),) = self._rows.all(
                "SELECT mets, page_selector FROM runs JOIN workspaces ON workspaces.seq = runs.workspace "
                "WHERE runs.seq = ?", run,
            )  # fmt: skip
            pages = resolve_pages(selector, self._mets.books[Path(mets)].pages)
            for (writes,) in self._rows.all("SELECT output_file_grps FROM steps WHERE run = ?", run):
                self._check_once(run, mets, json.loads(writes), pages)

    def _check_once(self, run: int, mets: str, groups: Iterable[str], pages: Iterable[str]) -> None:
        book = self._mets.books[Path(mets)]
        for group in groups:
            for page in pages:
                names = book.names(group, page)
                require(names == [f"{group}_{page}"], f"run {run} has ended; {group} of {page} has the files {names}")

    # In the end.

    def everything_has_ended(self) -> bool:
        return not self._rows.all("SELECT 1 FROM runs WHERE ended_at IS NULL UNION ALL SELECT 1 FROM callbacks LIMIT 1")

    def check_the_end(self) -> None:
        open_runs = self._rows.all("SELECT seq, open_jobs FROM runs WHERE ended_at IS NULL")
        stuck = self._rows.all(
            "SELECT seq, state, open_edges, attempt, processor FROM jobs WHERE state IN ('CACHED', 'QUEUED', 'RUNNING')"
        )
        require(not open_runs, f"runs never end (number, open jobs): {open_runs}; their jobs: {stuck}")
        wrong = self._rows.all(
            "SELECT job, message FROM attempts WHERE cause = 'BAD_OUTPUT' AND message NOT LIKE '%OTHER%'"
        )
        require(not wrong, f"good output was refused: {wrong}")
        self._check_events()

    def _check_events(self) -> None:
        """Who follows the events knows in the end how each job and each run ended."""
        told: dict[str, str] = {}
        for (body,) in self._rows.all("SELECT body FROM events ORDER BY seq"):
            told.update({change.job or change.run: change.state for change in _changes.decode(body)})
        ends = self._rows.all("SELECT id, state FROM jobs UNION ALL SELECT id, state FROM runs")
        untold = [(name, state, told.get(name)) for name, state in ends if told.get(name) != state]
        require(not untold, f"the events tell other ends (id, state, told): {untold}")
