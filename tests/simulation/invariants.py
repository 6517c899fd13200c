"""What must hold after every transaction and at the beginning of every attempt, looked at from outside: from the rows
themselves, and from what users asked for. Nothing here asks the scheduler."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from offizin.jobs import COPIED, FINAL, LIVE, SKIPPED, State, final_run_state, may_become
from offizin.messages import Delta, Piece
from offizin.pages import resolve_pages
from offizin.store.events import Change
from tests.simulation.outside import MetsFile, MetsFiles

_deltas = msgspec.json.Decoder(list[Delta])
_changes = msgspec.json.Decoder(list[Change])
LEFT_OUT = (SKIPPED, COPIED)
IN_FLIGHT = (State.QUEUED, State.RUNNING)


class Violated(AssertionError):
    """Something happened that must never happen."""


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
    held: bool


@dataclass
class Seen:
    """How the rows were at the end of the transaction before. ``ended``: numbers of runs."""

    states: dict[int, JobState] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)
    of_paused: set[int] = field(default_factory=set)  # live jobs of steps that are paused


class Fairness:
    """Runs of one priority that wait for one processor take turns. Followed are those of jobs of one page that never
    waited for anything else, and of these what leaves for the first time: all else goes before or behind for a reason.
    """

    BOUND = 2

    def __init__(self) -> None:
        self._streams: dict[
            tuple[int, str], tuple[int, bool]
        ] = {}  # run and processor: priority, whether it is followed
        self._left: Counter[tuple[int, str]] = Counter()
        self._since: dict[tuple[tuple[int, str], tuple[int, str]], tuple[int, int]] = {}

    def check(self, before: dict[int, JobState], now: dict[int, JobState], processors: dict[int, str]) -> None:
        waiting: set[tuple[int, str]] = set()
        for seq, row in now.items():
            stream = (row.run, processors[seq])
            priority, followed = self._streams.setdefault(stream, (row.priority, True))
            if followed and (row.many or row.open_edges or row.held or row.priority != priority):
                self._streams[stream] = (priority, False)
            if row.state is State.CACHED and row.attempt == 0:
                waiting.add(stream)
            elif row.attempt == 1 and row.state in IN_FLIGHT:
                was = before.get(seq)
                if was is None or was.attempt == 0:
                    self._left[stream] += 1
        waiting = {stream for stream in waiting if self._streams[stream][1]}
        self._since = {pair: at for pair, at in self._since.items() if waiting.issuperset(pair)}
        for (one, other), (first, second) in self._since.items():
            ahead = (self._left[one] - first) - (self._left[other] - second)
            require(abs(ahead) <= self.BOUND, f"run {one[0]} is {ahead} pages of {one[1]} ahead of run {other[0]}")
        for one in waiting:
            for other in waiting:
                if one < other and one[1] == other[1] and self._streams[one][0] == self._streams[other][0]:
                    self._since.setdefault((one, other), (self._left[one], self._left[other]))


class Invariants:
    """``connection`` is a second look at the same database."""

    def __init__(self, connection: sqlite3.Connection, mets: MetsFiles) -> None:
        self.jobs: dict[int, Job] = {}
        self.by_id: dict[str, Job] = {}
        self.checked = 0
        self._connection = connection
        self._mets = mets
        self._conflicts: dict[int, set[int]] = {}
        self._live: dict[tuple[str, int], tuple[Job, frozenset[str]]] = {}  # attempts that are being worked on
        self._seen = Seen()
        self._attempts: dict[tuple[str, int, int], int] = {}  # job, piece and attempt: retries of the job before it
        self._retries: Counter[int] = Counter()  # by job
        self._fairness = Fairness()
        self._processors: dict[int, str] = {}
        self.callbacks: Counter[tuple[str, str]] = Counter()  # run's id and state on the wire, that are due

    def _rows(self, query: str, *values: object) -> list[Any]:
        return self._connection.execute(query, values).fetchall()

    # After each transaction.

    def check(self, retried: bool) -> None:
        """``retried``: a user asked for a retry in the transaction that has just been committed."""
        self.checked += 1
        rows = [
            JobState(seq, run, page is None, State(state), open_edges, attempt, priority, bool(held))
            for seq, run, page, state, open_edges, attempt, priority, held in self._rows(
                "SELECT seq, run, page, state, open_edges, attempt, priority, held FROM jobs"
            )
        ]
        if len(rows) > len(self.jobs):
            self._meet_new_jobs()
        states = {row.seq: row for row in rows}
        self._check_transitions(states, retried)
        self._check_edges(states)
        self._check_nobody_in_the_way(rows)
        if any(row.many for row in rows):
            self._check_pages(rows)
        self._check_ways(states)
        self._check_runs(rows)
        self._check_held(states)
        self._fairness.check(self._seen.states, states, self._processors)
        self._seen.states = states

    def _meet_new_jobs(self) -> None:
        pages = defaultdict(set)
        for seq, page in self._rows("SELECT job, page FROM job_pages"):
            pages[seq].add(page)
        steps = {
            (run, number): (processor, mets, frozenset(json.loads(reads)), frozenset(json.loads(writes)))
            for run, number, processor, mets, reads, writes in self._rows(
                "SELECT run, number, processor, mets, input_file_grps, output_file_grps FROM steps "
                "JOIN runs ON runs.seq = steps.run JOIN workspaces ON workspaces.seq = runs.workspace"
            )
        }
        for seq, job_id, run, step, page in self._rows("SELECT seq, id, run, step, page FROM jobs ORDER BY seq"):
            if seq in self.jobs:
                continue
            own = frozenset(pages[seq]) if page is None else frozenset([page])
            job = Job(seq, job_id, run, own, page is None, *steps[run, step])
            self._conflicts[seq] = {other.seq for other in self.jobs.values() if job.conflicts_with(other)}
            for other_seq in self._conflicts[seq]:
                self._conflicts[other_seq].add(seq)
            self.jobs[seq] = self.by_id[job_id] = job
            self._processors[seq] = job.processor

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
                self._retries[seq] += now not in FINAL
                allowed = now is was or retried
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
            for predecessor, successor in self._rows("SELECT predecessor, successor FROM edges")
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
            meets = self._conflicts[seq] & in_flight
            require(not meets, f"jobs {seq} and {sorted(meets)} are in flight and touch the same")

    def _check_pages(self, rows: Sequence[JobState]) -> None:
        pages: dict[int, list[State]] = defaultdict(list)
        left_out: Counter[int] = Counter()
        for job, state, mark in self._rows("SELECT job, state, mark FROM job_pages"):
            pages[job].append(State(state))
            left_out[job] += mark in LEFT_OUT
        limits = self._limits()
        open_pieces = Counter(job for (job,) in self._rows("SELECT job FROM pieces WHERE state <> 'SUCCESS'"))
        for row in rows:
            if not row.many:
                continue
            state, own = row.state, pages[row.seq]
            if state in FINAL:
                require(all(page in FINAL for page in own), f"job {row.seq} is {state}, its pages are {own}")
                require(not open_pieces[row.seq], f"job {row.seq} is {state} with open pieces")
                lost, most = sum(page is not State.SUCCESS for page in own), limits[row.seq]
                good = not lost if most is None else lost + left_out[row.seq] <= _so_many(most, len(own))
                well = good and not (lost and state is State.CANCELLED)
                require(well == (state is State.SUCCESS), f"job {row.seq} is {state}, its pages are {own}")
            elif state in IN_FLIGHT:
                require(open_pieces[row.seq] > 0, f"job {row.seq} is {state} and has no open piece")

    def _check_ways(self, states: dict[int, JobState]) -> None:
        """What has failed for good has tried all fallbacks, unless output was there or somebody asked for another way;
        who does the work is who the way says."""
        if not self._rows("SELECT 1 FROM alternatives LIMIT 1"):
            return
        last = {
            (run, step): number
            for run, step, number in self._rows(
                "SELECT run, step, max(number) FROM alternatives WHERE is_fallback GROUP BY run, step"
            )
        }
        ways = {
            (run, step, number): (processor, bool(is_fallback))
            for run, step, number, processor, is_fallback in self._rows(
                "SELECT run, step, number, processor, is_fallback FROM alternatives"
            )
        }
        alone = (
            "SELECT seq, run, step, alternative, processor, "
            "state = 'FAILED' AND cause NOT IN ('NO_INPUT', 'DISK_FULL') AND message NOT LIKE '%is there' "
            "FROM jobs WHERE page IS NOT NULL"
        )
        of_many = (
            "SELECT jobs.seq, run, step, pieces.alternative, pieces.processor, EXISTS (SELECT 1 FROM job_pages AS p "
            "WHERE p.job = jobs.seq AND p.piece = pieces.number AND p.state = 'FAILED' "
            "AND p.cause NOT IN ('NO_INPUT', 'DISK_FULL') AND p.message NOT LIKE '%is there') "
            "FROM jobs JOIN pieces ON pieces.job = jobs.seq"
        )
        for seq, run, step, number, processor, has_failed in self._rows(f"{alone} UNION ALL {of_many}"):
            if number > 0:
                require(ways[run, step, number][0] == processor, f"job {seq} is at way {number} by {processor}")
            own_or_fallback = number == 0 or (number > 0 and ways[run, step, number][1])
            if has_failed and own_or_fallback and not self._retries[seq]:
                left = last.get((run, step), 0) - number
                require(left <= 0, f"job {seq} has failed at way {number}, with {left} fallbacks left")

    def _limits(self) -> dict[int, float | None]:
        """By job, how many pages of its step may be missing; None where nothing was said."""
        rows = self._rows(
            "SELECT jobs.seq, policies FROM jobs JOIN steps ON steps.run = jobs.run AND steps.number = jobs.step"
        )
        return {job: json.loads(policies).get("max_missing_outputs") for job, policies in rows}

    def _end_allowed(self, run: int, states: Sequence[State]) -> State:
        """What a run ends as, where so many pages of each step may be missing."""
        limits = self._limits()
        of_step: dict[int, list[tuple[int, State, str, bool]]] = defaultdict(list)
        for seq, step, state, mark, cause, page in self._rows(
            "SELECT seq, step, state, mark, cause, page FROM jobs WHERE run = ?", run
        ):
            if page is None or limits[seq] is None:
                of_step[-seq].append((seq, State(state), "", False))
            else:
                of_step[step].append((seq, State(state), mark, cause == "CANCELLED"))
        found: list[State] = []
        for step, rows in of_step.items():
            most = limits[rows[0][0]]
            if step < 0 or most is None:
                found += [state for _, state, _, _ in rows]
                continue
            missing = sum(state is not State.SUCCESS or mark in LEFT_OUT for _, state, mark, _ in rows)
            by_user = any(state is not State.SUCCESS and user for _, state, _, user in rows)
            if missing <= _so_many(most, len(rows)) and not by_user:
                found.append(State.SUCCESS)
            else:
                left_out = any(mark in LEFT_OUT for _, _, mark, _ in rows)
                found += [state for _, state, _, _ in rows] + [State.FAILED] * left_out
        return final_run_state(found) if found else final_run_state(states)

    def _check_held(self, states: dict[int, JobState]) -> None:
        """Nothing waits for nobody: what is held is of a paused step, or its next try is not due; and all that is live
        of a paused step is held."""
        paused = {name for (name,) in self._rows("SELECT name FROM pauses WHERE kind = 'step'")}
        delayed = set(self._rows("SELECT job, piece FROM delays"))
        of_paused = set()
        for seq, run_id, step, held in self._rows(
            "SELECT jobs.seq, runs.id, step, held FROM jobs JOIN runs ON runs.seq = jobs.run "
            "WHERE jobs.state IN ('CACHED', 'QUEUED', 'RUNNING')"
        ):
            is_paused = f"{run_id}/{step + 1}" in paused
            if is_paused:
                of_paused.add(seq)
                require(bool(held), f"job {seq} is live in a paused step and not held")
                require(
                    seq not in self._seen.of_paused or states[seq].attempt == self._seen.states[seq].attempt,
                    f"job {seq} has begun although its step is paused",
                )
            require(is_paused or not held or (seq, 0) in delayed, f"job {seq} is held for nothing")
        for seq, number, held in self._rows("SELECT job, number, held FROM pieces WHERE state <> 'SUCCESS'"):
            right = bool(held) if seq in of_paused else not held or (seq, number) in delayed
            require(right, f"piece {number} of job {seq} is {'' if held else 'not '}held for nothing")
        self._seen.of_paused = of_paused

    def paused_places(self) -> list[str]:
        """Names of pauses of processors on hosts."""
        return [name for (name,) in self._rows("SELECT name FROM pauses WHERE kind = 'host and processor'")]

    def delayed_runs(self) -> set[int]:
        """Their numbers."""
        return {run for (run,) in self._rows("SELECT run FROM jobs JOIN delays ON delays.job = jobs.seq")}

    def paused_runs(self) -> set[str]:
        """Their ids."""
        return {name.rpartition("/")[0] for (name,) in self._rows("SELECT name FROM pauses WHERE kind = 'step'")}

    def _check_runs(self, rows: Sequence[JobState]) -> None:
        of_run: dict[int, list[State]] = defaultdict(list)
        for row in rows:
            of_run[row.run].append(row.state)
        for run, open_jobs, ended_at, state, message, callback_url in self._rows(
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
                require(state == self._end_allowed(run, states), f"run {run} is {state} with {states}")
                self._check_saved(run, state)

    def _check_saved(self, run: int, state: str) -> None:
        """What a run did is in the file on disk, once; and if it succeeded, all that it was asked for."""
        gaps: dict[frozenset[str], set[str]] = defaultdict(set)  # by what the job writes
        for seq, job_state, mark in self._rows("SELECT seq, state, mark FROM jobs WHERE run = ?", run):
            job = self.jobs[seq]
            done = job.pages if job_state == State.SUCCESS and mark != SKIPPED else frozenset[str]()
            if job.many:
                good = "SELECT page FROM job_pages WHERE job = ? AND state = 'SUCCESS' AND mark <> 'skipped'"
                done = frozenset(page for (page,) in self._rows(good, seq))
            gaps[job.writes] |= job.pages - done
            self._check_once(run, job.mets, job.writes, done)
        if state == State.SUCCESS:
            ((mets, selector),) = self._rows(
                "SELECT mets, page_selector FROM runs JOIN workspaces ON workspaces.seq = runs.workspace "
                "WHERE runs.seq = ?", run,
            )  # fmt: skip
            pages = resolve_pages(selector, self._mets.books[Path(mets)].pages)
            for (writes,) in self._rows("SELECT output_file_grps FROM steps WHERE run = ?", run):
                groups = frozenset(json.loads(writes))
                self._check_once(run, mets, groups, [page for page in pages if page not in gaps[groups]])

    def _check_once(self, run: int, mets: str, groups: Iterable[str], pages: Iterable[str]) -> None:
        book = self._mets.books[Path(mets)]
        for group in groups:
            for page in pages:
                names = book.names(group, page)
                require(names == [f"{group}_{page}"], f"run {run} has ended; {group} of {page} has the files {names}")

    # While work is done.

    def begins(self, piece: Piece) -> None:
        job = self.by_id[piece.job]
        pages = frozenset(piece.slice.pages)
        require(bool(pages), f"job {job.seq}, piece {piece.piece}: nothing to do was sent out")
        retries = self._retries[job.seq]
        before = self._attempts.setdefault((piece.job, piece.piece, piece.attempt), retries)
        require(before == retries, f"job {job.seq}, piece {piece.piece}: a retry has an old attempt's number")
        for other, busy_pages in self._live.values():
            if job.mets == other.mets and pages & busy_pages:
                touched = (job.writes & (other.reads | other.writes)) | (job.reads & other.writes)
                at_once = f"jobs {job.seq} and {other.seq} work on {sorted(pages & busy_pages)} at once"
                require(other is not job and not touched, at_once)
        self._live[piece.job, piece.piece] = (job, pages)
        there = self.truth(Path(job.mets))
        for group in sorted(job.reads | job.writes):
            for page in sorted(pages):
                seen = sorted(f.id for f in piece.slice.files if f.file_grp == group and f.page_id == page)
                names = sorted(there.names(group, page))
                require(seen == names, f"job {job.seq} sees {seen} in {group} of {page}; there are {names}")

    def ends(self, piece: Piece) -> None:
        self._live.pop((piece.job, piece.piece), None)

    def all_hands_stop(self) -> None:
        """Nobody works any more."""
        self._live.clear()

    def truth(self, mets: Path) -> MetsFile:
        """The file, and what is committed and not yet in it."""
        book = self._mets.books[mets].copy()
        for (body,) in self._rows(
            "SELECT body FROM deltas JOIN workspaces ON workspaces.seq = deltas.workspace "
            "WHERE workspaces.mets = ? ORDER BY deltas.seq", str(mets),
        ):  # fmt: skip
            for delta in _deltas.decode(body):
                book.apply(delta)
        return book

    # In the end.

    def everything_has_ended(self) -> bool:
        return not self._rows("SELECT 1 FROM runs WHERE ended_at IS NULL UNION ALL SELECT 1 FROM callbacks LIMIT 1")

    def check_the_end(self) -> None:
        open_runs = self._rows("SELECT seq, open_jobs FROM runs WHERE ended_at IS NULL")
        stuck = self._rows(
            "SELECT seq, state, open_edges, attempt, processor FROM jobs WHERE state IN ('CACHED', 'QUEUED', 'RUNNING')"
        )
        require(not open_runs, f"runs never end (number, open jobs): {open_runs}; their jobs: {stuck}")
        require(not self._live, f"somebody still works: {list(self._live)}")
        wrong = self._rows(
            "SELECT job, message FROM attempts WHERE cause = 'BAD_OUTPUT' AND message NOT LIKE '%OTHER%'"
        )
        require(not wrong, f"good output was refused: {wrong}")
        self._check_events()

    def _check_events(self) -> None:
        """Who follows the events knows in the end how each job and each run ended."""
        told: dict[str, str] = {}
        for (body,) in self._rows("SELECT body FROM events ORDER BY seq"):
            told.update({change.job or change.run: change.state for change in _changes.decode(body)})
        ends = self._rows("SELECT id, state FROM jobs UNION ALL SELECT id, state FROM runs")
        untold = [(name, state, told.get(name)) for name, state in ends if told.get(name) != state]
        require(not untold, f"the events tell other ends (id, state, told): {untold}")


def _so_many(most: float, of: int) -> float:
    return of if most < 0 else most if most >= 1 else most * of + 1e-9


def require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Violated(otherwise)
