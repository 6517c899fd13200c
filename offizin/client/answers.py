"""What a server answers, as values. Times are seconds since the epoch; keys that are not named here are passed over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from offizin.jobs import State


class StepPause(msgspec.Struct, frozen=True):
    """``name`` is RUN/STEP, as for ``offizin resume``; ``cause`` is empty where somebody asked for the pause."""

    name: str
    since: float = 0.0
    cause: str = ""
    message: str = ""


class PageAccount(msgspec.Struct, frozen=True):
    """Pages of a step, or of a job: ``missing`` have failed or were cancelled, ``skipped`` are to have no output;
    ``copied``: of those that came out, where the input was copied."""

    pages_in: int = 0
    pages_out: int = 0
    missing: int = 0
    skipped: int = 0
    copied: int = 0


class Recognised(msgspec.Struct, frozen=True):
    """``confidence``: the mean, from 0 to 1."""

    regions: int = 0
    lines: int = 0
    words: int = 0
    confidence: float | None = None


class OtherWay(msgspec.Struct, frozen=True):
    """Another way to do a step: a fallback, or what a retry asked for. ``pages``: how many have succeeded in it;
    ``page_ids``: the first of them."""

    processor: str
    is_fallback: bool = False
    parameters: dict[str, Any] = {}
    pages: int = 0
    page_ids: list[str] = []


class StepSummary(msgspec.Struct, frozen=True):
    """One step of a run. ``counts``: how many of its jobs are in which state; ``pages``: how many pages of its job of
    many pages, empty where each page has a job of its own; ``paused``: it gets no new work now; ``pause``: because the
    step itself is paused, not its processor."""

    number: int
    processor: str
    input_file_grps: list[str] = []
    output_file_grps: list[str] = []
    parameters: dict[str, Any] = {}
    counts: Mapping[State, int] = {}
    pages: Mapping[State, int] = {}
    skipped: int | None = None
    seconds: float | None = None
    paused: bool = False
    pause: StepPause | None = None
    policies: dict[str, Any] = {}
    account: PageAccount = PageAccount()
    recognised: Recognised | None = None
    other_ways: list[OtherWay] = []

    @property
    def units(self) -> Mapping[State, int]:
        """What its progress is told in: pages, be they jobs of their own or pages of one job."""
        return self.pages or self.counts

    @property
    def total(self) -> int:
        """How many units there are."""
        return sum(self.units.values())

    @property
    def open_jobs(self) -> int:
        return sum(count for state, count in self.counts.items() if not state.is_final)

    @property
    def over(self) -> int:
        """How many units have ended, one way or the other."""
        return sum(count for state, count in self.units.items() if state.is_final)

    def count(self, state: State) -> int:
        """How many units are in this state."""
        return self.units.get(state, 0)


class Workspace(msgspec.Struct, frozen=True):
    """``managed``: its files lie with the server. ``pages`` and ``file_grps`` are None where it has not looked."""

    workspace_id: str
    path_to_mets: str
    url: str = msgspec.field(name="@id", default="")
    description: str = ""
    managed: bool = False
    added_at: float = 0.0
    pages: int | None = None
    file_grps: list[str] | None = None


class RunSummary(msgspec.Struct, frozen=True):
    """A run and how far it is. ``state`` is final only when ``ended_at`` is set: then the METS holds its files."""

    run_id: str
    state: State
    path_to_mets: str
    submitted_at: float
    workspace_id: str = ""
    kind: str = "workflow"
    workflow: str = ""
    page_id: str | None = None
    page_wise: bool = False
    priority: int = 0
    overwrite: bool = False
    ended_at: float | None = None
    undone_at: float | None = None
    message: str = ""
    description: str = ""
    jobs: int = 0
    skipped: int = 0
    kept: int = 0
    steps: list[StepSummary] = []
    stalled: bool = False

    @property
    def ended(self) -> bool:
        return self.ended_at is not None

    def count(self, state: State) -> int:
        return sum(step.count(state) for step in self.steps)


class RunPage(msgspec.Struct, frozen=True):
    """Newest runs first; ``next`` is what to give as ``before`` for the ones before them."""

    runs: list[RunSummary]
    next: str | None = None


class Failure(msgspec.Struct, frozen=True):
    """One failed attempt: the last one of a job, or of one page of a job of many pages. ``runner`` is a process id on
    ``host``, ``peak_memory`` in bytes; empty and 0 where it is not known."""

    job_id: str
    step: int
    processor: str
    cause: str
    page_id: str | None = None
    attempt: int = 1
    message: str = ""
    log_tail: str = ""
    seconds: float | None = None
    host: str = ""
    runner: int = 0
    peak_memory: int = 0


class Failures(msgspec.Struct, frozen=True):
    """``more``: there are more of them than were asked for."""

    failures: list[Failure]
    more: bool = False


class Gap(msgspec.Struct, frozen=True):
    """A page without output of its own in a step. ``became``: failed, cancelled, skipped or copied."""

    step: int
    processor: str
    page_id: str
    became: str
    job_id: str = ""
    cause: str = ""
    message: str = ""


class Gaps(msgspec.Struct, frozen=True):
    """``more``: there are more of them than were asked for."""

    gaps: list[Gap] = []
    more: bool = False


class JobSummary(msgspec.Struct, frozen=True):
    job_id: str
    run_id: str
    step: int
    processor: str
    state: State
    page_id: str | None = None
    pages: int = 1
    attempt: int = 0
    cause: str | None = None
    message: str = ""
    queued_at: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    seconds: float | None = None
    path_to_mets: str = ""
    input_file_grps: list[str] = []
    output_file_grps: list[str] = []


class JobPage(msgspec.Struct, frozen=True):
    """``next`` is what to give as ``after`` for the jobs after them."""

    jobs: list[JobSummary]
    next: str | None = None


class Attempt(msgspec.Struct, frozen=True):
    """A try at a job, or at a piece or page of it, that did not work out. ``again``: another followed by itself."""

    attempt: int
    cause: str
    piece: int = 0
    page_id: str | None = None
    message: str = ""
    log_tail: str = ""
    seconds: float = 0.0
    peak_memory: int = 0
    host: str = ""
    runner: int = 0
    again: bool = False
    ended_at: float | None = None


class PageState(msgspec.Struct, frozen=True):
    """One page of a job of many pages."""

    page_id: str
    state: State
    cause: str | None = None
    message: str = ""


class JobDetails(JobSummary, frozen=True, kw_only=True):
    parameters: dict[str, Any] = {}
    attempts: list[Attempt] = []
    page_states: list[PageState] = []


class Cancelled(msgspec.Struct, frozen=True):
    """``cancelled``: how many jobs are over already; ``running``: those that are being ended."""

    cancelled: int
    running: list[str] = []


class Retried(msgspec.Struct, frozen=True):
    """How many jobs wait again."""

    jobs: int


class Undone(msgspec.Struct, frozen=True):
    """How many files are gone, and the file groups of which nothing is left."""

    files: int
    file_grps: list[str] = []


class Change(msgspec.Struct, frozen=True):
    """A new state of a job, or of the run itself (``job`` is empty then)."""

    run: str
    state: State
    job: str = ""
    step: int = 0
    page: str | None = None
    cause: str | None = None
    message: str = ""


class Changes(msgspec.Struct, frozen=True):
    """What changed at one moment. ``seq`` grows; it says where to go on reading."""

    at: float
    changes: list[Change]
    seq: int = 0


class RunnerStatus(msgspec.Struct, frozen=True):
    """A loaded processor on the server."""

    processor: str
    pid: int = 0
    busy: bool = False


class Health(msgspec.Struct, frozen=True):
    status: str
    version: str = ""
    home: str = ""
    slots: int = 0
    runs_live: int = 0
    runners: list[RunnerStatus] = []


class ProcessorSummary(msgspec.Struct, frozen=True):
    """``independent_pages``: whether whole-book jobs are cut into pieces; ``plain``: whether its program is called for
    each piece, because no runner begins in it; both None as long as nobody loaded it."""

    name: str
    executable: str = ""
    version: str = ""
    description: str = ""
    independent_pages: bool | None = None
    plain: bool | None = None
    loaded: int = 0


class ProcessorList(msgspec.Struct, frozen=True):
    processors: list[ProcessorSummary]


class ProcessorModels(msgspec.Struct, frozen=True):
    """Names of files, as the processor lists them."""

    models: list[str]


class PieceInHand(msgspec.Struct, frozen=True):
    """What a worker works on, or is about to. ``page_id`` is None for a piece of a job of many pages."""

    job_id: str
    processor: str
    attempt: int = 1
    piece: int = 0
    page_id: str | None = None
    pages: int = 1
    state: str = ""
    started_at: float | None = None


class WorkerSummary(msgspec.Struct, frozen=True):
    """``processors``: slots by name; ``paused``: its host is; ``resting``: it has given back what had not begun."""

    session: str
    host: str
    pid: int
    processors: dict[str, int] = {}
    heard_at: float = 0.0
    paused: bool = False
    resting: bool = False
    holds: list[PieceInHand] = []


class PauseSummary(msgspec.Struct, frozen=True):
    """``kind`` is processor, host or step; ``running``: pieces that are still worked on; ``drained``: nothing is any
    more; ``cause`` is empty where somebody asked for the pause."""

    kind: str
    name: str
    since: float = 0.0
    cause: str = ""
    message: str = ""
    running: int = 0
    drained: bool = False


class WorkerList(msgspec.Struct, frozen=True):
    workers: list[WorkerSummary]
    pauses: list[PauseSummary] = []


class Resumed(msgspec.Struct, frozen=True):
    """The steps that go on, from 0, and how many of the failed jobs wait again."""

    steps: list[int]
    jobs: int = 0


class SubmittedRun(msgspec.Struct, frozen=True):
    """What of the answer to a submission is needed: the run's id."""

    job_id: str


class Token(msgspec.Struct, frozen=True, omit_defaults=True):
    """``scope`` is read, run, admin or worker; ``secret`` is there where it was just made; ``used_at`` is true to the
    minute."""

    name: str
    scope: str
    created_at: float = 0.0
    expires_at: float | None = None
    revoked_at: float | None = None
    used_at: float | None = None
    secret: str = ""


class TokenList(msgspec.Struct, frozen=True):
    tokens: list[Token]
