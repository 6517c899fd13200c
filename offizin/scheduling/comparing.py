"""Which of a workflow's pages are what the workflow would make now: all that is needed to say so, gathered."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from offizin.messages import File, FileState
from offizin.messages.recipes import recipe_of
from offizin.scheduling.comparison import Comparison
from offizin.scheduling.fingerprints import fingerprints_after, states_in
from offizin.scheduling.lanes import Lane
from offizin.scheduling.learned import LearnedProcessors
from offizin.scheduling.live_work import live_work
from offizin.scheduling.plan import Plan, PlannedStep, nothing_there, plan
from offizin.scheduling.workforce import Processors
from offizin.store import deltas, fingerprints
from offizin.store.fingerprints import Fingerprint, Place
from offizin.store.transaction import Database, Transaction


class Comparing:
    """Nothing is written here."""

    def __init__(self, database: Database, learned: LearnedProcessors, processors: Processors) -> None:
        self._database = database
        self._learned = learned
        self._processors = processors

    async def plan(
        self, lane: Lane, steps: Sequence[PlannedStep], pages: Sequence[str], *, page_wise: bool
    ) -> tuple[Plan, list[FileState]]:
        """What there is to do; and what files were that had to be read for that. Raises ProcessorUnknown."""
        written = {group for step in steps for group in step.output_file_grps}
        read = {group for step in steps for group in step.input_file_grps}
        index, workspace = lane.index, lane.workspace
        files: dict[tuple[str, str | None], Sequence[File]] = {
            (group, page): found
            for group in written | read
            for page in (*pages, None)
            if (found := index.files(group, page))
        }

        def look(tx: Transaction) -> tuple[dict[Place, Fingerprint], dict[str, FileState], set[tuple[str, str]]]:
            before = fingerprints.of_groups(tx, workspace, written)
            _, waiting = deltas.of_workspace(tx, workspace)
            after = before | fingerprints_after(waiting, before)
            known = {place: each for place, each in after.items() if each is not None}
            if not known:
                return known, {}, set()
            live = live_work(tx, workspace, steps=steps)
            coming = {(group, page) for work in live for group in work.writes for page in work.pages}
            return known, fingerprints.digests(tx, workspace) | states_in(waiting), coming

        known, states, coming = await self._database.read(look)
        if not known and not any(group in written for group, _ in files):
            return plan(steps, pages, page_wise=page_wise, found=nothing_there), []
        recipes: dict[int, str] = {}
        if known:
            steps = [
                replace(s, together=not page_wise and self._learned.independent_pages(s.processor) is False)
                for s in steps
            ]
            recipes = {s.number: recipe_of(s.processor, await self._version(s.processor), s.parameters) for s in steps}
        comparison = Comparison(str(index.directory), files, known, states, recipes, pages, coming)
        planned = await asyncio.to_thread(plan, steps, pages, page_wise=page_wise, found=comparison.found)
        return planned, comparison.seen

    async def _version(self, processor: str) -> str:
        """Of the program that is there now."""
        found = self._learned.present_version(processor)
        return await self._processors.version(processor) if found is None else found
