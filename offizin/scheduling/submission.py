"""Taking work in: everything is checked first, then all rows of a submission are written in one transaction."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from offizin.clock import Clock
from offizin.errors import InvalidRequest, MetsChanged, MetsMissing, PagesInvalid, TooLarge
from offizin.faults import reach
from offizin.jobs import RunKind, State
from offizin.messages import FileState
from offizin.mets.index import MetsIndex
from offizin.pages import resolve_aside
from offizin.scheduling.choosing import Choice, Choosing
from offizin.scheduling.comparing import Comparing
from offizin.scheduling.contexts import Contexts
from offizin.scheduling.dispatch import Dispatcher
from offizin.scheduling.edges import Work, edges_between
from offizin.scheduling.finish_lines import check_finish, finish_text
from offizin.scheduling.lanes import Lane, Lanes
from offizin.scheduling.live_work import live_work
from offizin.scheduling.ownership import Moved, Ownership
from offizin.scheduling.plan import Plan, PlannedStep, nothing_there, plan
from offizin.scheduling.step_checks import check_steps
from offizin.scheduling.to_the_end import to_the_end
from offizin.scheduling.window import tag
from offizin.scheduling.workforce import Processors
from offizin.store import edges, events, fingerprints, jobs, pieces, runs
from offizin.store.alternatives import AlternativeRow
from offizin.store.edges import Edge, EdgeKind
from offizin.store.jobs import NewJob
from offizin.store.runs import NewRun, StepRow
from offizin.store.transaction import Database, Transaction
from offizin.tallies import Tallies
from offizin.timings import Timings
from offizin.trust.paths import WorkspaceRoots
from offizin.workflows import Workflow, check_groups
from offizin.workflows.policies import NOTHING_SAID, OnExistingOutput, Policies

MOST_PRIORITY = 1_000_000
MOST_DESCRIPTION = 10_000  # characters


@dataclass(frozen=True, slots=True)
class Submission:
    """What is asked for. ``pages`` is a page selector, None or empty for all; higher ``priority`` goes first.

    ``policies`` go before those at the workflow's head, and those of a step before both. ``overwrite`` stands for
    ``on_existing_output=overwrite``.
    """

    mets: Path
    workflow: Workflow
    pages: str | None = None
    page_wise: bool = False
    overwrite: bool = False
    policies: Policies = NOTHING_SAID
    priority: int = 0
    kind: RunKind = RunKind.WORKFLOW
    depends_on: Sequence[str] = field(default_factory=tuple)
    description: str = ""
    callback_url: str | None = None

    @property
    def for_all_steps(self) -> Policies:
        overwrite = Policies(on_existing_output=OnExistingOutput.OVERWRITE if self.overwrite else None)
        return self.policies.merged_over(overwrite).merged_over(self.workflow.policies)


@dataclass(frozen=True, slots=True)
class Submitted:
    """``jobs``: (page or None, job id) in the order of the submission. ``pages``: the pages the selector names."""

    run: int
    run_id: str
    pages: list[str]
    jobs: list[tuple[str | None, str]]
    skipped: int


class Submissions:
    """``ended`` is called with a run that has nothing to do, ``changed`` after each commit."""

    def __init__(
        self,
        database: Database,
        ownership: Ownership,
        lanes: Lanes,
        contexts: Contexts,
        processors: Processors,
        comparing: Comparing,
        dispatcher: Dispatcher,
        choosing: Choosing,
        clock: Clock,
        timings: Timings,
        tallies: Tallies,
        *,
        roots: WorkspaceRoots,
        jobs_limit: int,
        ended: Callable[[int], None],
        changed: Callable[[], None],
    ) -> None:
        self._database = database
        self._ownership = ownership
        self._lanes = lanes
        self._contexts = contexts
        self._processors = processors
        self._comparing = comparing
        self._dispatcher = dispatcher
        self._choosing = choosing
        self._clock = clock
        self._timings = timings
        self._tallies = tallies
        self._roots = roots
        self._jobs_limit = jobs_limit
        self._ended = ended
        self._changed = changed

    async def submit(self, submission: Submission) -> Submitted:
        """Raises the errors under InvalidRequest and NotFound, and OwnedElsewhere; then nothing has been written."""
        while True:
            try:
                return await self._submit(submission)
            except Moved:
                await self._lanes.refresh(await asyncio.to_thread(self._writable, submission.mets), self._clock.now())

    async def _submit(self, submission: Submission) -> Submitted:
        with self._timings.measure("validate"):
            if abs(submission.priority) > MOST_PRIORITY:
                raise InvalidRequest(f"priority {submission.priority} is out of range", advice="Use small numbers.")
            if len(submission.description) > MOST_DESCRIPTION:
                raise InvalidRequest(f"the description is longer than {MOST_DESCRIPTION} characters", advice="Cut it.")
            steps, fallbacks = await check_steps(
                self._processors, submission.workflow.steps, submission.kind, submission.for_all_steps
            )
            mets = await asyncio.to_thread(self._writable, submission.mets)
            lane = await self._open(mets)
            await self._check_groups(submission, lane.workspace, lane.index)
            pages = await resolve_aside(submission.pages, lane.index.pages)
            if not pages:
                raise PagesInvalid(f"{mets} has no pages", advice="A METS needs a physical structMap with pages.")
            if submission.page_wise and len(pages) * len(steps) > self._jobs_limit:
                raise TooLarge(
                    f"{len(pages)} pages in {len(steps)} steps are more than {self._jobs_limit} jobs",
                    advice="Submit fewer pages at once, or raise the setting jobs_limit.",
                )
            planned, seen = await self._plan(submission, lane, steps, pages)
        with self._timings.measure("store submission"):
            run_id = self._clock.new_id()
            ids = [self._clock.new_id() for _ in planned.jobs]
            now = self._clock.now()
            # What is ready at once, and finds room, leaves in the same transaction.
            choice = self._dispatcher.reserve({step.processor: 0 for step in steps})

            def write(tx: Transaction) -> int:
                run = self._write(tx, submission, steps, fallbacks, planned, lane, run_id, ids, now)
                fingerprints.put_digests(tx, lane.workspace, seen)
                self._choosing.choose(tx, choice)
                reach("submission: before commit")
                return run

            run = await to_the_end(self._carry_out(write, choice, nothing_to_do=not planned.jobs))
        self._tallies.submitted.update(job.step.processor for job in planned.jobs)
        named = [
            (job.pages[0] if submission.page_wise else None, job_id)
            for job, job_id in zip(planned.jobs, ids, strict=True)
        ]
        return Submitted(run, run_id, pages, named, planned.skipped)

    async def _plan(
        self, submission: Submission, lane: Lane, steps: Sequence[PlannedStep], pages: Sequence[str]
    ) -> tuple[Plan, list[FileState]]:
        # A job asked for by itself is always made, so that there is one to ask after.
        if submission.kind is RunKind.WORKFLOW and any(_looks_at_what_is_there(step) for step in steps):
            return await self._comparing.plan(lane, steps, pages, page_wise=submission.page_wise)
        return plan(steps, pages, page_wise=submission.page_wise, found=nothing_there), []

    async def _carry_out(self, write: Callable[[Transaction], int], choice: Choice, *, nothing_to_do: bool) -> int:
        run = await self._dispatcher.carry_out(write, choice, synced=True)
        reach("submission: after commit")
        self._changed()
        if nothing_to_do:
            self._ended(run)
        await self._dispatcher.send(choice)
        return run

    async def _open(self, mets: Path) -> Lane:
        """The workspace as it is on disk now. Raises MetsChanged when others wrote it while runs are under way here."""
        lane = await self._lanes.open(mets, self._clock.now())
        try:
            if await lane.still_holds():
                return lane
        except OSError:
            pass  # reading it anew says what is wrong
        if await self._live_steps(lane.workspace):
            raise MetsChanged(
                f"{mets} was changed by somebody else while runs are under way on it",
                advice="Put the file back as it was, or cancel the runs on this workspace first.",
            )
        await self._lanes.reread(mets, self._clock.now())
        return await self._lanes.open(mets, self._clock.now())

    async def _check_groups(self, submission: Submission, workspace: int, index: MetsIndex) -> None:
        # Live runs first: what they have finished by the time the index is looked at is in the index.
        live = await self._live_steps(workspace)
        existing = {group for _, step in live for group in step.output_file_grps}
        existing.update(index.file_groups)
        findings = check_groups(submission.workflow, existing)
        if findings:
            raise findings[0].as_error()
        if submission.workflow.finish:
            ours = await self._database.read(lambda tx: fingerprints.groups(tx, workspace))
            check_finish(submission.workflow, existing, ours)

    async def _live_steps(self, workspace: int) -> list[tuple[int, StepRow]]:
        """Raises OwnedElsewhere: then what we know of the workspace says nothing."""

        def look(tx: Transaction) -> list[tuple[int, StepRow]]:
            self._ownership.check(tx, workspace)
            return runs.live_steps(tx, workspace)

        return await self._database.read(look)

    def _write(
        self,
        tx: Transaction,
        submission: Submission,
        steps: Sequence[PlannedStep],
        fallbacks: Sequence[AlternativeRow],
        planned: Plan,
        lane: Lane,
        run_id: str,
        ids: Sequence[str],
        now: float,
    ) -> int:
        workspace = lane.workspace
        self._ownership.take(tx, workspace, known=lane.epoch)
        rows = [
            StepRow(
                s.number, s.processor, s.parameters, s.input_file_grps, s.output_file_grps, s.policies.to_text()
            )
            for s in steps
        ]  # fmt: skip
        new_run = NewRun(
            id=run_id,
            kind=submission.kind,
            workspace=workspace,
            workflow=submission.workflow.text,
            page_selector=submission.pages or "",
            page_wise=submission.page_wise,
            overwrite=submission.for_all_steps.overwrite,
            priority=submission.priority,
            jobs=len(planned.jobs),
            skipped_jobs=planned.skipped,
            kept_jobs=planned.kept,
            finish=finish_text(submission.workflow.finish),
            submitted_at=now,
            description=submission.description,
            callback_url=submission.callback_url,
            steps=rows,
            alternatives=fallbacks,
        )
        run = runs.add(tx, new_run)
        self._contexts.put(run, new_run, str(lane.mets))
        live = live_work(tx, workspace, steps=steps)
        first = jobs.next_number(tx)
        new = [
            Work(first + at, job.pages, job.step.input_file_grps, job.step.output_file_grps)
            for at, job in enumerate(planned.jobs)
        ]
        found = _with_dependencies(edges_between(live, new), _open_dependencies(tx, submission.depends_on), new)
        waits: dict[int, int] = {}
        for edge in found:
            waits[edge.successor] = waits.get(edge.successor, 0) + 1
        now_at = self._choosing.virtual_times.now
        times = {step.processor: now_at(step.processor, submission.priority) for step in steps}
        jobs.add(
            tx,
            run,
            submission.priority,
            first,
            [
                NewJob(
                    id=job_id,
                    step=job.step.number,
                    page=job.pages[0] if len(job.pages) == 1 else None,
                    pages=len(job.pages),
                    processor=job.step.processor,
                    tag=tag(times[job.step.processor], job.place),
                    open_edges=waits.get(first + at, 0),
                    overwrite=job.overwrite,
                )
                for at, (job, job_id) in enumerate(zip(planned.jobs, ids, strict=True))
            ],
            self._ownership.server,
        )
        of_many_pages = [(first + at, job.pages) for at, job in enumerate(planned.jobs) if len(job.pages) > 1]
        pieces.add_pages(tx, of_many_pages)
        edges.add(tx, found)
        events.add(tx, [events.Change(run_id, State.CACHED)], now)
        if submission.depends_on:
            self._ownership.check_predecessors(tx, [work.seq for work in new])
        return run

    def _writable(self, mets: Path) -> Path:
        """The path with links resolved. Raises PathForbidden, MetsMissing, InvalidRequest when nothing can be written
        beside it."""
        found = self._roots.require(mets)
        try:
            if stat.S_ISDIR(found.stat().st_mode):
                found = self._roots.require(found / "mets.xml")
        except OSError as error:
            raise MetsMissing(
                f"there is no METS at {mets}", advice="Give the path of a mets.xml on the server's machine."
            ) from error
        if found.exists() and not os.access(found.parent, os.W_OK | os.X_OK):
            raise InvalidRequest(
                f"the workspace {found.parent} cannot be written",
                advice="Processors write their results there: allow it to the user of the server, or run a copy.",
            )
        return found


def _looks_at_what_is_there(step: PlannedStep) -> bool:
    return step.policies.on_existing_output in (None, OnExistingOutput.SKIP)


def _open_dependencies(tx: Transaction, depends_on: Sequence[str]) -> list[int]:
    """The numbers of the named jobs that are not over. Raises InvalidRequest for one unknown, failed or cancelled."""
    rows = jobs.rows_by_id(tx, depends_on)
    for job_id in depends_on:
        row = rows.get(job_id)
        if row is None:
            raise InvalidRequest(f"depends_on: there is no job {job_id}", advice="Give the ids of submitted jobs.")
        if row.state in (State.FAILED, State.CANCELLED):
            raise InvalidRequest(
                f"depends_on: job {job_id} is {row.state}, so what depends on it can never run",
                advice="Retry that job first, or leave it out.",
            )
    return [row.seq for row in rows.values() if not row.state.is_final]


def _with_dependencies(found: list[Edge], dependencies: Sequence[int], new: Sequence[Work]) -> list[Edge]:
    if not dependencies:
        return found
    kept = [edge for edge in found if edge.predecessor not in set(dependencies)]
    return kept + [Edge(job, work.seq, EdgeKind.NEEDS) for job in dependencies for work in new]
