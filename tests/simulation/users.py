"""What users do to a simulated server, and that they may go away before it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from offizin.jobs import RunKind
from offizin.offizin import Offizin
from offizin.scheduling.submission import Submission
from offizin.store import jobs, runs
from offizin.workflows import Workflow
from tests.simulation.database import Hooks
from tests.simulation.mets_files import MetsFiles
from tests.simulation.scenario import Act, Scenario
from tests.simulation.servers import Servers
from tests.simulation.stage import mets_of, workflow
from tests.simulation.virtual_loop import VirtualLoop


@dataclass(frozen=True)
class Known:
    """What a user was told of a run: its number here, and the ids of its jobs."""

    run: int
    jobs: list[str] = field(default_factory=list)


class Users:
    def __init__(
        self,
        scenario: Scenario,
        loop: VirtualLoop,
        servers: Servers,
        mets: MetsFiles,
        hooks: Hooks,
        tell: Callable[[str], None],
    ) -> None:
        self._scenario = scenario
        self._loop = loop
        self._servers = servers
        self._mets = mets
        self._hooks = hooks
        self._tell = tell
        self._submitted: dict[int, Known] = {}  # by the place among the submissions

    async def act(self) -> None:
        """Everything in the scenario, each when its time has come; until all requests have ended."""
        asked: list[asyncio.Task[None]] = []
        for act in self._scenario.acts:
            await asyncio.sleep(max(0.0, act.at - self._loop.time()))
            asked.append(asyncio.create_task(self._ask(act)))
        await asyncio.gather(*asked)

    async def _ask(self, act: Act) -> None:
        """One request: it may be refused, or fail, or its server may die of it."""
        await self._servers.up.wait()
        self._hooks.counts["acts"] += 1
        self._tell(f"user: {str(act).strip()}")
        if act.what == "write METS of run":
            self._mets.write_from_outside(mets_of(act.which % len(self._scenario.books)))
            return
        server, died, chances = self._servers.server, self._servers.died, self._hooks.chances
        if server is None:
            return
        request = self._loop.live(self._servers.life, self._do(server, act))
        leaving = asyncio.create_task(died.wait())
        if act.what != "restart" and chances.happens("a user goes away"):
            await asyncio.sleep(chances.seconds("patience", 0.05))
            request.cancel()
        await asyncio.wait({request, leaving}, return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        if request.done() and not request.cancelled() and request.exception() is not None:
            self._tell(f"user: {act.what} {act.which}: {request.exception()!r}")

    async def _do(self, server: Offizin, act: Act) -> None:
        known = self._submitted.get(act.which)
        if act.what == "submit":
            await self._submit(server, act)
        elif act.what == "restart":
            await self._servers.stop(server)
        elif known is None:
            return
        elif act.what == "cancel run":
            await server.cancellation.cancel_run(known.run)
        elif act.what == "cancel job" and known.jobs:
            found = await server.database.read(lambda tx: jobs.rows_by_id(tx, known.jobs))
            await server.cancellation.cancel_job(found[known.jobs[act.job % len(known.jobs)]].seq)
        elif act.what == "retry run":
            await server.retrying.retry_run(await server.database.read(lambda tx: runs.by_seq(tx, known.run)))
        elif act.what == "set priority of run":
            await server.priorities.set_priority(known.run, act.priority)

    async def _submit(self, server: Offizin, act: Act) -> None:
        chosen = workflow(act.workflow)
        if act.alone:
            chosen = Workflow(chosen.steps[:1], chosen.text)
        before = self._submitted.get(act.which - 1)
        submitted = await server.submissions.submit(
            Submission(
                mets_of(act.book),
                chosen,
                pages=act.pages,
                page_wise=act.page_wise,
                overwrite=act.overwrite,
                priority=act.priority,
                kind=RunKind.JOB if act.alone else RunKind.WORKFLOW,
                depends_on=before.jobs[-1:] if act.depends and before else (),
                callback_url=f"http://user/{act.which}" if act.calls_back else None,
            )
        )
        self._submitted[act.which] = Known(submitted.run, [job for _, job in submitted.jobs])
