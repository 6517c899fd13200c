"""The bodies of the routes that are ours. Times are seconds since the epoch, durations seconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from offizin.jobs import RunKind, State
from offizin.scheduling.redo import What
from offizin.store.pauses import PauseKind

# What SQLite and PostgreSQL can hold in a number.
MOST = 2**63 - 1


class PageAccount(BaseModel):
    """How many pages went in, and how many came out, of those that are over. ``missing``: failed or cancelled;
    ``skipped``: without output, as policies say; ``copied``: of those that came out, where the input was copied."""

    pages_in: int
    pages_out: int
    missing: int
    skipped: int
    copied: int


class Recognised(BaseModel):
    """Counted in PAGE results. ``confidence``: the mean of the words (or else of the lines), from 0 to 1."""

    regions: int
    lines: int
    words: int
    confidence: float | None


class StepPause(BaseModel):
    """``name`` is what it is resumed by: RUN/STEP. ``cause`` and ``message`` are those of the failures in a row that it
    was paused for, empty where somebody asked for it."""

    name: str
    since: float
    cause: str
    message: str


class OtherWay(BaseModel):
    """Another way than the step's own, in which some pages were done: a fallback, or what a retry asked for. ``pages``:
    how many have succeeded in it; ``page_ids``: the first of them."""

    processor: str
    parameters: dict[str, Any]
    is_fallback: bool
    pages: int
    page_ids: list[str]


class StepSummary(BaseModel):
    """``counts``: how many of the step's jobs are in which state; ``pages``: how many pages of its job of many pages
    (empty where each page has a job of its own). ``number`` counts from 0. ``seconds``: what its jobs took, all
    together; None while the run goes on. ``paused``: nothing more of it begins now; ``pause``: the step
    itself is paused, not its processor. ``policies``: those that were set,
    by the request or the workflow; ``recognised``: summed up over its pages, None where there is nothing;
    ``other_ways``: its fallbacks, and what retries asked for."""

    number: int
    processor: str
    input_file_grps: Sequence[str]
    output_file_grps: Sequence[str]
    parameters: dict[str, Any]
    counts: dict[State, int]
    pages: dict[State, int]
    seconds: float | None
    paused: bool
    policies: dict[str, Any]
    account: PageAccount
    recognised: Recognised | None
    pause: StepPause | None
    other_ways: list[OtherWay]


class RunSummary(BaseModel):
    """A run of a workflow, or of one job submitted by itself. ``skipped``: (step, page) pairs that were done before;
    ``kept``: those of them that were to be made anew, but for somebody who has changed their files by hand;
    ``stalled``: nothing of it can be done before a paused step is resumed."""

    run_id: str
    kind: RunKind
    state: State
    path_to_mets: str
    workspace_id: str
    workflow: str
    page_id: str
    page_wise: bool
    priority: int
    overwrite: bool
    submitted_at: float
    ended_at: float | None
    undone_at: float | None
    message: str
    description: str
    jobs: int
    skipped: int
    kept: int
    steps: list[StepSummary]
    stalled: bool


class RunList(BaseModel):
    """``next`` is what to give as ``before`` for the runs before these."""

    runs: list[RunSummary]
    next: str | None


class JobSummary(BaseModel):
    """``page_id`` is None for a job of many pages. ``mark``: how the page differs from one that is simply done, as in
    ``skipped`` and ``copied``."""

    job_id: str
    run_id: str
    step: int
    processor: str
    page_id: str | None
    pages: int
    state: State
    mark: str
    attempt: int
    cause: str | None
    message: str
    queued_at: float | None
    started_at: float | None
    ended_at: float | None
    seconds: float | None
    path_to_mets: str
    input_file_grps: Sequence[str]
    output_file_grps: Sequence[str]


class JobList(BaseModel):
    """``next`` is what to give as ``after`` for the jobs after these."""

    jobs: list[JobSummary]
    next: str | None


class AttemptShown(BaseModel):
    """One that did not work out. ``page_id`` is None when the piece failed as a whole; ``host`` and ``runner`` (a
    process id) say where; ``peak_memory`` in bytes, of the runner since it started; ``again``: another attempt followed
    by itself."""

    attempt: int
    piece: int
    page_id: str | None
    cause: str
    message: str
    log_tail: str
    seconds: float
    peak_memory: int
    host: str
    runner: int
    again: bool
    ended_at: float


class PageState(BaseModel):
    """``mark`` as in JobSummary."""

    page_id: str
    state: State
    cause: str | None
    message: str
    mark: str
    recognised: Recognised | None


class JobDetails(JobSummary):
    """``page_states`` is empty for a job of one page; what was recognised on that stands in ``recognised``.
    ``parameters``: those of the way it is, or was, done."""

    parameters: dict[str, Any]
    attempts: list[AttemptShown]
    page_states: list[PageState]
    account: PageAccount
    recognised: Recognised | None


class Failure(BaseModel):
    """One page of a step that failed (``page_id`` None: the job as a whole), by its last attempt: on which ``host``, in
    which process (``runner``), and the most memory (bytes) of that, 0 where it is not known."""

    job_id: str
    step: int
    processor: str
    page_id: str | None
    attempt: int
    cause: str
    message: str
    log_tail: str
    seconds: float
    host: str
    runner: int
    peak_memory: int


class Failures(BaseModel):
    failures: list[Failure]
    more: bool


class Gap(BaseModel):
    """A page without output of its own. ``became``: failed, cancelled, skipped or copied."""

    step: int
    processor: str
    page_id: str
    job_id: str
    became: str
    cause: str
    message: str


class Gaps(BaseModel):
    gaps: list[Gap]
    more: bool


class CancelAnswer(BaseModel):
    """``running``: jobs that are being ended now; the others are cancelled already."""

    cancelled: int
    running: list[str]


class RetryRequest(BaseModel):
    """What of a run is to be done again: ``failed`` (and cancelled), ``missing`` (that, and what has no output in the
    METS or on disk, whatever was said of it) or ``all``. ``page_id`` is a page selector, empty for all pages; ``step``
    the number of one step as in the summary, from 0.

    ``processor`` and ``parameters`` are another way to do just these pages: without a processor the parameters are set
    over those of the step. What comes behind these pages is done again as well, as its steps say. ``skip``: these pages
    are to stay without output, and it is no failure; nor is it where they are missing behind it.
    """

    model_config = ConfigDict(extra="forbid")

    what: What = What.FAILED
    page_id: str = ""
    step: int | None = Field(default=None, ge=0, le=MOST, strict=True)
    processor: str = ""
    parameters: dict[str, Any] = {}
    skip: StrictBool = False


class RetryAnswer(BaseModel):
    """How many jobs wait again, or have pages that are skipped now."""

    jobs: int


class ResumeRequest(BaseModel):
    """``step`` counts from 0; without it all steps of the run that are paused go on. ``retry``: what has failed in the
    run is done again, too."""

    model_config = ConfigDict(extra="forbid")

    step: int | None = Field(default=None, ge=0, le=MOST, strict=True)
    retry: StrictBool = False


class ResumeAnswer(BaseModel):
    """``steps`` that go on, from 0; ``jobs``: how many of those that had failed or were cancelled wait again."""

    steps: list[int]
    jobs: int


class UndoAnswer(BaseModel):
    """How many files are gone, and the file groups of which nothing is left."""

    files: int
    file_grps: list[str]


class PriorityChange(BaseModel):
    """Jobs of higher priority go first."""

    model_config = ConfigDict(extra="forbid")

    priority: int = Field(ge=-1_000_000, le=1_000_000, strict=True)


class ProcessorSummary(BaseModel):
    """``independent_pages`` and ``plain`` are None until it was loaded once; ``plain``: its program is called for each
    piece, because no runner begins in it; ``loaded`` counts its runners now."""

    name: str
    executable: str
    version: str
    description: str
    independent_pages: bool | None
    plain: bool | None
    loaded: int


class ProcessorList(BaseModel):
    processors: list[ProcessorSummary]


class ProcessorModels(BaseModel):
    """``models``: names of files, as the processor lists them: some list presets of parameters, too."""

    processor_name: str
    models: list[str]


class HostSummary(BaseModel):
    """``processors``: how many pieces of each are worked on at once by the workers of this host."""

    host: str
    workers: int
    processors: dict[str, int]


class DiscoveryResponse(BaseModel):
    """As in the OCR-D Web API (openapi.yml of the specification): the server's machine. ``ram`` in bytes.
    ``cuda_version`` and ``ocrd_all_version`` are empty where there is none, or nobody knows. ``hosts`` is ours: where
    there are workers."""

    ram: int
    cpu_cores: int
    has_cuda: bool
    cuda_version: str
    has_ocrd_all: bool
    ocrd_all_version: str
    hosts: list[HostSummary]


class Runner(BaseModel):
    processor: str
    pid: int
    busy: bool


class Timing(BaseModel):
    part: str
    count: int
    seconds: float


class Health(BaseModel):
    """``timings``: where the server's time went since it started."""

    status: str
    version: str
    home: str
    slots: int
    runs_live: int
    runners: list[Runner]
    timings: list[Timing]


class PieceInHand(BaseModel):
    """``page_id`` is None for a piece of a job of many pages; ``pages`` counts those that are not done yet."""

    job_id: str
    attempt: int
    piece: int
    processor: str
    page_id: str | None
    pages: int
    state: State
    started_at: float | None


class WorkerSummary(BaseModel):
    """``session`` is empty for the slots in the server's own process, ``processors`` those it was given work for then.
    ``paused``: its host is; ``resting``: it begins nothing more, and has given back what it had not begun."""

    session: str
    host: str
    pid: int
    processors: dict[str, int]
    heard_at: float
    paused: bool
    resting: bool
    holds: list[PieceInHand]


class PauseSummary(BaseModel):
    """``running``: how many pieces are still worked on, or lie before workers; ``drained``: none is, or will be.
    ``cause`` and ``message`` are those of the failures it was paused for, empty where somebody asked for it."""

    kind: PauseKind
    name: str
    since: float
    cause: str
    message: str
    running: int
    drained: bool


class WorkerList(BaseModel):
    workers: list[WorkerSummary]
    pauses: list[PauseSummary]
