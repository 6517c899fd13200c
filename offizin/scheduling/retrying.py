"""Doing parts of a run again: the same jobs, a new attempt, perhaps in another way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection
from pathlib import Path

from offizin.clock import Clock
from offizin.errors import InvalidRequest
from offizin.mets.index import MetsIndex
from offizin.mets.names import as_path
from offizin.pages import resolve_aside
from offizin.scheduling.finish_lines import Finishes, finishes_of
from offizin.scheduling.lanes import Lanes
from offizin.scheduling.ownership import Moved, Ownership
from offizin.scheduling.redo import Redo, What
from offizin.scheduling.reviving import InTheMets, OtherWay, Retried, retry
from offizin.scheduling.step_checks import fitting
from offizin.scheduling.to_the_end import to_the_end
from offizin.scheduling.workforce import Processors
from offizin.store import runs
from offizin.store.runs import RunRow
from offizin.store.transaction import Database, Transaction
from offizin.tallies import Tallies


class Retrying:
    """``virtual_time`` by processor and priority; ``wake`` with the processors concerned; ``run_over`` with a run that
    only has to be saved."""

    def __init__(
        self,
        database: Database,
        ownership: Ownership,
        lanes: Lanes,
        processors: Processors,
        clock: Clock,
        tallies: Tallies,
        *,
        virtual_time: Callable[[str, int], int],
        wake: Callable[[set[str]], None],
        run_over: Callable[[int], None],
        changed: Callable[[], None],
    ) -> None:
        self._database = database
        self._ownership = ownership
        self._lanes = lanes
        self._processors = processors
        self._clock = clock
        self._tallies = tallies
        self._virtual_time = virtual_time
        self._wake = wake
        self._run_over = run_over
        self._changed = changed

    async def retry_run(self, run: RunRow, redo: Redo = Redo()) -> Retried:  # noqa: B008 (frozen)
        """Raises Conflict when there is nothing to do again, InvalidRequest and its like for what cannot be asked, and
        OwnedElsewhere."""
        way = await self._check(run, redo)
        return await to_the_end(self._carry_out(run, redo, way))

    async def _check(self, run: RunRow, redo: Redo) -> OtherWay | None:
        steps = await self._database.read(lambda tx: runs.steps_of(tx, run.seq))
        if redo.step is not None and redo.step not in {step.number for step in steps}:
            raise InvalidRequest(f"run {run.id} has no step {redo.step}", advice=f"It has {len(steps)}, from 0.")
        if redo.skip and (redo.other_way or redo.what is What.ALL):
            raise InvalidRequest(
                "pages that are to be skipped are not done in another way, and not all of them",
                advice="Skip what failed or is missing.",
            )
        if not redo.other_way:
            return None
        if redo.step is None and len(steps) > 1:
            raise InvalidRequest(
                "another processor or other parameters are for one step, and none is named", advice="Name the step."
            )
        step = steps[redo.step or 0]
        processor = redo.processor or step.processor
        parameters = redo.parameters
        if processor == step.processor:
            parameters = {**json.loads(step.parameters), **parameters}
        description = await self._processors.describe(processor)
        return OtherWay(processor, fitting(description, step.input_file_grps, step.output_file_grps, parameters))

    async def _carry_out(self, run: RunRow, redo: Redo, way: OtherWay | None) -> Retried:
        while True:
            try:
                retried = await self._write(run, redo, way, self._clock.now())
                break
            except Moved:
                continue
        self._tallies.ended.update(retried.ended)
        self._wake(set(retried.wake))
        for over in retried.over:
            self._run_over(over)
        self._changed()
        return retried

    async def _write(self, run: RunRow, redo: Redo, way: OtherWay | None, now: float) -> Retried:
        mets = Path(run.mets)
        # What somebody else has written into the METS is what a retry begins with.
        await self._lanes.refresh(mets, now)
        there = InTheMets()
        if redo.pages or redo.what is What.MISSING or run.finish != "[]":
            lane = await self._lanes.open(mets, now)
            steps = await self._database.read(lambda tx: runs.steps_of(tx, run.seq))
            groups = {group for step in steps for group in step.output_file_grps}
            there = await _look(lane.index, redo, groups, finishes_of(run.finish, groups))
        lane_at_hand = self._lanes.at_hand(mets)
        known = None if lane_at_hand is None else lane_at_hand.epoch

        def write(tx: Transaction) -> Retried:
            self._ownership.take(tx, run.workspace, known)
            return retry(tx, runs.by_seq(tx, run.seq), redo, way, there, self._ownership, self._virtual_time, now)

        return await self._database.write(write, synced=True)


async def _look(index: MetsIndex, redo: Redo, groups: Collection[str], finishes: Finishes) -> InTheMets:
    """``groups``: what the run's steps write. What its end has taken out is not missing, nor what it has renamed."""
    wanted = await resolve_aside(redo.pages, index.pages)
    new_names = dict(finishes.renamed)
    missing: set[tuple[str, str]] = set()
    dropped: set[tuple[str, str]] = set()
    paths: list[tuple[tuple[str, str], Path]] = []
    for page in wanted:
        for group in groups:
            files = index.files(group, page)
            if not files and group in finishes.groups:
                dropped.add((group, page))
                files = index.files(new_names.get(group, ""), page)
                if not files and group not in new_names:
                    continue
            if not files:
                missing.add((group, page))
            paths += [((group, page), index.directory / as_path(f.local_filename)) for f in files if f.local_filename]
    gone: set[tuple[str, str]] = set()
    if redo.what is What.MISSING:
        gone = await asyncio.to_thread(lambda: {key for key, path in paths if not path.exists()})
    return InTheMets(frozenset(wanted) if redo.pages else None, frozenset(missing | gone), frozenset(dropped))
