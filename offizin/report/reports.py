"""Reports of runs, as the database and the workspace have them now."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from offizin.clock import Clock
from offizin.errors import RunUnknown
from offizin.report.composing import compose
from offizin.report.contents import RunReport
from offizin.report.pictures import pictures_of
from offizin.store import page_counts, processors, run_story, runs
from offizin.store.transaction import Database, Transaction


class Reports:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def report(self, run_id: str, *, pictures: bool) -> RunReport:
        """Of a run that is over, or so far. Raises RunUnknown."""
        now = self._clock.now()

        def read(tx: Transaction) -> RunReport:
            run = runs.by_id(tx, run_id)
            if run is None:
                raise RunUnknown(f"there is no run {run_id}", advice="GET /workflow/jobs lists them.")
            return compose(
                run,
                runs.steps_of(tx, run.seq),
                run_story.pages_in_steps(tx, run.seq),
                run_story.counts_by_page(tx, run.seq),
                page_counts.of_run(tx, run.seq),
                runs.seconds(tx, run.seq),
                {name: learned.version for name, learned in processors.all_learned(tx).items()},
                now,
            )

        report = await self._database.read(read)
        if not pictures or not report.worst_pages:
            return report
        wanted = [page.page_id for page in report.worst_pages]
        found = await asyncio.to_thread(pictures_of, Path(report.path_to_mets), wanted)
        worst = [replace(page, picture=found.get(page.page_id, "")) for page in report.worst_pages]
        return replace(report, worst_pages=worst)
