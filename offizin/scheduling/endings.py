"""How runs end: their METS is saved, then their end is shown and their callback is due, in one transaction."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path

from offizin.clock import Clock
from offizin.errors import OffizinError, Unavailable
from offizin.faults import reach
from offizin.jobs import RunKind, State
from offizin.scheduling.agents import agents_of
from offizin.scheduling.finishing import Finishing
from offizin.scheduling.lanes import Lanes
from offizin.scheduling.learned import LearnedProcessors
from offizin.scheduling.run_end import end_of_run
from offizin.scheduling.saving import Saved, Saving
from offizin.store import callbacks, events, jobs, pauses, runs
from offizin.store.events import Change
from offizin.store.runs import RunRow
from offizin.store.transaction import Database, Transaction

log = logging.getLogger(__name__)

# Before another try when the database cannot be used, in seconds.
PAUSE = 1.0


def _rows(waiting: Sequence[int], tx: Transaction) -> list[RunRow]:
    return [runs.by_seq(tx, run) for run in waiting]


class Endings:
    """Runs in which nothing is open are handed to ``run_over``; those of one workspace that wait share one save.
    ``resumed`` is called when a step had been paused of one that has ended."""

    def __init__(
        self,
        database: Database,
        lanes: Lanes,
        saving: Saving,
        learned: LearnedProcessors,
        finishing: Finishing,
        clock: Clock,
        *,
        server: int,
        changed: Callable[[], None],
        called_back: Callable[[], None],
        resumed: Callable[[], None],
    ) -> None:
        self._database = database
        self._lanes = lanes
        self._saving = saving
        self._learned = learned
        self._finishing = finishing
        self._clock = clock
        self._server = server
        self._changed = changed
        self._called_back = called_back
        self._resumed = resumed
        self._had_pauses = False
        self._waiting: list[int] = []
        self._tasks: dict[int, asyncio.Task[None]] = {}  # by workspace
        self._sorter: asyncio.Task[None] | None = None
        self._stopping = False

    async def start(self) -> None:
        """Go on with what an earlier server left."""
        await self.look_everywhere()

    async def look_everywhere(self) -> None:
        """End all runs of this server in which nothing is open."""
        for run in await self._database.read(lambda tx: runs.finished_but_not_ended(tx, self._server)):
            self.run_over(run)

    async def stop(self) -> None:
        """Finish what is being saved. What cannot be written now is left to the next start."""
        self._stopping = True
        if self._sorter is not None:
            await asyncio.gather(self._sorter, return_exceptions=True)
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def run_over(self, run: int) -> None:
        self._waiting.append(run)
        if self._sorter is None or self._sorter.done():
            self._sorter = asyncio.create_task(self._sort(), name="endings")

    async def _sort(self) -> None:
        """Give the waiting runs to one task for each workspace."""
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            try:
                rows = await self._database.read(partial(_rows, waiting))
            except Unavailable as error:
                if await self._gives_up(error):
                    return
                self._waiting = waiting + self._waiting
                continue
            by_workspace: dict[int, list[RunRow]] = {}
            for row in rows:
                by_workspace.setdefault(row.workspace, []).append(row)
            for workspace, ended in by_workspace.items():
                before = self._tasks.get(workspace)
                self._tasks[workspace] = asyncio.create_task(self._end_after(before, workspace, ended))

    async def _end_after(self, before: asyncio.Task[None] | None, workspace: int, ended: Sequence[RunRow]) -> None:
        if before is not None:
            await asyncio.gather(before, return_exceptions=True)
        while True:
            try:
                await self._end(workspace, Path(ended[0].mets), ended)
                break
            except Unavailable as error:
                if await self._gives_up(error):
                    break
        if self._tasks.get(workspace) is asyncio.current_task():
            del self._tasks[workspace]

    async def _gives_up(self, error: Unavailable) -> bool:
        """Whether not to try again; otherwise after a pause."""
        log.error("ends of runs cannot be written now: %s", error)
        if not self._stopping:
            await self._clock.sleep(PAUSE)
        return self._stopping

    async def _end(self, workspace: int, mets: Path, ended: Sequence[RunRow]) -> None:
        refused = ""
        saved: Saved | None = None
        reach("ending: before save")
        try:
            for run in ended:
                await self._finishing.finish(run)
            saved = await self._saving.save(
                workspace, mets, lambda tx: [agent for run in ended for agent in agents_of(tx, run, self._learned)]
            )
        except Unavailable:
            raise
        except OffizinError as error:
            refused = f"{error.message} {error.advice}".strip()
        except OSError as error:
            refused = f"{mets} cannot be written: {error.strerror or error}"
        except Exception as error:
            log.exception("%s cannot be saved", mets)
            refused = f"{mets} cannot be saved: {error}"
        if refused:
            log.error("runs %s end without their METS saved: %s", ", ".join(run.id for run in ended), refused)
            # From now on with what is there now; what was not saved stays with the database.
            await self._lanes.reread(mets, self._clock.now())
        reach("ending: after save")
        now = self._clock.now()

        def write(tx: Transaction) -> bool:
            if saved is not None:
                saved.note(tx)
            return self._write_ends(tx, ended, refused, now)

        due = await self._database.write(write)
        reach("ending: after commit")
        self._changed()
        if due:
            self._called_back()
        if self._had_pauses:
            self._had_pauses = False
            self._resumed()

    def _write_ends(self, tx: Transaction, ended: Collection[RunRow], refused: str, now: float) -> bool:
        """Whether a callback is due."""
        calls: list[tuple[str, str]] = []
        changes: list[Change] = []
        for before in ended:
            seq = before.seq
            run = runs.by_seq(tx, seq)
            if run.ended_at is not None or run.open_jobs or run.revivals != before.revivals:
                continue  # ended already, or revived meanwhile: then what it has added since may not be saved
            state = State.FAILED if refused else end_of_run(tx, seq)
            runs.end(tx, seq, state, refused, now)
            self._had_pauses = pauses.forget_run(tx, run.id) or self._had_pauses
            changes.append(Change(run.id, state, message=refused))
            shown_id = run.id
            if run.kind is RunKind.JOB:
                shown_id = jobs.ids_of_run(tx, seq)[0][1]
            if run.callback_url:
                wire_state = State.SUCCESS if state is State.SUCCESS else State.FAILED
                named = run.workspace_id if run.managed else None
                body = {"job_id": shown_id, "state": wire_state, "path_to_mets": run.mets, "workspace_id": named}
                calls.append((run.callback_url, json.dumps(body)))
        events.add(tx, changes, now)
        callbacks.add(tx, calls, now, self._server)
        return bool(calls)
