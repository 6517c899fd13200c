"""One simulated world: users, a server that is killed and started again, and what is outside of it.

``run`` lives through a scenario and raises Violated when something happens that must not."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sqlite3
import tempfile
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import httpx

from offizin import faults
from offizin.brokers.broker import Message
from offizin.jobs import RunKind
from offizin.messages import Piece
from offizin.offizin import Offizin
from offizin.outside import Parts
from offizin.scheduling.redo import Redo, What
from offizin.scheduling.submission import Submission
from offizin.settings import Settings
from offizin.store import jobs, runs
from offizin.store.pauses import PauseKind
from offizin.store.transaction import InlineDatabase
from offizin.workflows import Workflow, parse_workflow
from offizin.workflows.policies import Policies
from tests.simulation.chances import Chances
from tests.simulation.invariants import Invariants, Violated
from tests.simulation.outside import Hooks, MetsFile, MetsFiles, Programs, SimulatedBroker, SimulatedDatabase
from tests.simulation.runners import PROCESSORS, TIME_LIMIT, RunnerStarter
from tests.simulation.scenario import WORKFLOWS, Act, Scenario
from tests.simulation.virtual_loop import Killed, Life, NothingHappens, TooManySteps, VirtualClock, VirtualLoop

# By then everything has ended, or never will.
PATIENCE = 3600.0
# How likely users do not wait for a try that comes later, twice a second.
IMPATIENCE = 0.02
MOST_STEPS = 400_000
LEASE = 1.5


@cache
def _temporary_directory() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="offizin-simulation-")


@cache
def stage() -> Path:
    """A directory with the files that are only looked at: METS (by path), programs (by name), a home."""
    directory = Path(_temporary_directory().name).resolve()
    for number in range(4):
        (directory / f"book{number}").mkdir()
        (directory / f"book{number}" / "mets.xml").touch()
    for name in PROCESSORS:
        (directory / name).touch()
    (directory / "home").mkdir()
    (directory / "home" / "server").write_text("one")
    return directory


@cache
def empty_database() -> tuple[InlineDatabase, sqlite3.Connection]:
    """One for all worlds, one after the other: migrated once, its statements compiled once."""
    database = InlineDatabase()
    connection = database._connection.connection.driver_connection
    assert isinstance(connection, sqlite3.Connection)
    return database, connection


def emptied() -> tuple[InlineDatabase, sqlite3.Connection]:
    database, connection = empty_database()
    if connection.in_transaction:
        connection.rollback()
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        if name != "alembic_version":
            connection.execute(f"DELETE FROM {name}")
    return database, connection


@cache
def workflow(number: int) -> Workflow:
    return parse_workflow(WORKFLOWS[number])


@dataclass
class Telling:
    """What happened, to be told when it ends badly, and how much it was."""

    lines: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def events(self) -> int:
        """Transactions, looks into the database, deliveries, reports, pages, attempts, acts, kills."""
        return sum(self.counts.values())


class World:
    """``with_logs``: what the server logs is part of the story."""

    def __init__(self, scenario: Scenario, *, with_logs: bool = False) -> None:
        self.scenario = scenario
        self._with_logs = with_logs
        self.telling = Telling()
        self.chances = Chances(str(scenario.seed), scenario.troubles)
        threads = self.chances.stream("threads")
        self.loop = VirtualLoop(lambda: (threads.random() * 0.004, threads.random() * 0.004), MOST_STEPS)
        self._clock = VirtualClock(self.loop, self.chances.stream("ids"))
        self._database, connection = emptied()
        self._mets = MetsFiles(self.chances)
        for number, pages in enumerate(scenario.books):
            names = [f"P{page + 1}" for page in range(pages)]
            self._mets.books[stage() / f"book{number}" / "mets.xml"] = MetsFile.with_images(names)
        self._invariants = Invariants(connection, self._mets)
        self._hooks = Hooks(self.chances, self._kill, self._committed)
        self._life = Life(0)
        self._life.ended = True
        self._server: Offizin | None = None
        self._broker: SimulatedBroker | None = None
        self._died: asyncio.Event
        self._up: asyncio.Event
        self._submitted: dict[int, tuple[int, str, list[str]]] = {}  # place in the scenario: run, id, jobs
        self._late: list[Message] = []
        self._violated: Violated | None = None
        self._runners = 0
        self._called: Counter[tuple[str, str]] = Counter()

    # What the parts of the world call.

    def tell(self, what: str) -> None:
        self.telling.lines.append(f"{self.loop.time():10.4f}  {what}")

    def begins(self, piece: Piece) -> None:
        job = self._invariants.by_id[piece.job]
        self.tell(f"runner begins job {job.seq}.{piece.piece} attempt {piece.attempt}: {','.join(piece.slice.pages)}")
        self.telling.counts["attempts"] += 1
        self._guard(self._invariants.begins, piece)

    def ends(self, piece: Piece) -> None:
        self._invariants.ends(piece)

    def works(self, what: str) -> None:
        self.telling.counts[what] += 1

    def _committed(self, name: str) -> None:
        self.tell(f"committed: {name}")
        self.telling.counts["transactions"] += 1
        self._guard(self._invariants.check, "Retrying" in name)

    def _guard(self, check: Any, *values: Any) -> None:
        """The first violation ends the world, whatever would catch it on the way up."""
        try:
            check(*values)
        except Violated as violated:
            self._ends_badly(str(violated))

    def _ends_badly(self, why: str) -> NoReturn:
        self.tell(f"VIOLATED: {why}")
        self._violated = self._violated or Violated(why)
        self.loop.stop()
        raise Killed from None

    def _kill(self, where: str) -> None:
        if self._life.ended:
            return
        self.tell(f"--- the server is killed: {where}")
        self.telling.counts["kills"] += 1
        self.loop.end(self._life)
        self._server_died()
        if self._server is not None:
            self._server.home.release()
        self._server = None
        self._died.set()

    def _reached(self, point: str) -> None:
        if not self._life.ended and self.chances.happens("the server is killed in a transaction"):
            self._kill(point)
            raise Killed

    # The server.

    async def _keep_running(self) -> None:
        """Start a server, and another one whenever it has died."""
        number = 0
        while True:
            number += 1
            self._life = life = Life(number)
            self._died = asyncio.Event()
            starting = self.loop.live(life, self._start(life))
            dying = asyncio.ensure_future(self._died.wait())
            await asyncio.wait({starting, dying}, return_when=asyncio.FIRST_COMPLETED)
            if not self._died.is_set():
                if starting.exception() is not None:
                    self.tell(f"the server does not start: {starting.exception()!r}")
                    self._kill("it does not start")
                else:
                    self._up.set()
                    await dying
            self._up.clear()
            await asyncio.sleep(self.chances.stream("restart").random())

    async def _start(self, life: Life) -> None:
        self.tell(f"+++ server {life.number} starts")
        settings = Settings(
            home=stage() / "home", slots=self.scenario.slots, max_runners=3, load_limit=5.0, runner_idle_limit=20.0,
            own_failure_retries=self.scenario.own_failures, save_interval=4.0, time_limits={"default": TIME_LIMIT},
            worker_lease=LEASE, failures_in_a_row=self.scenario.in_a_row,
        )  # fmt: skip

        async def database(_path: Path, _sync: Any) -> Any:
            return SimulatedDatabase(self._database, life, self._hooks)

        parts = Parts(
            database=database,
            read_mets=self._mets.read,
            save_mets=self._mets.save,
            transport=httpx.MockTransport(self._called_back),
        )
        server = Offizin(settings, self._clock, self._with_workforce(parts, life))
        self._server = server
        await server.__aenter__()
        self._has_started()

    def _with_workforce(self, parts: Parts, life: Life) -> Parts:
        """Slots of the server's own, behind a broker that dies with it."""
        self._broker = broker = SimulatedBroker(life, self._hooks, self._comes_late, self._lost)
        starter = RunnerStarter(self.chances, self, life, self._next_pid)
        return replace(
            parts,
            broker=lambda: broker,  # type: ignore[arg-type]
            discovery=lambda *_: Programs(stage(), list(PROCESSORS)),  # type: ignore[arg-type,return-value]
            start_runner=starter,  # type: ignore[arg-type]
        )

    def _has_started(self) -> None:
        broker = self._broker
        assert broker is not None
        for message in self._late:
            self.loop.call_later(self.chances.stream("late").random() * 3.0, broker.put, message)
        self._late = []

    def _server_died(self) -> None:
        """Its runners die with it."""
        self._invariants.all_hands_stop()

    async def _called_back(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(self.chances.seconds("callback", 0.1))
        if self.chances.happens("a callback is not answered"):
            raise httpx.ConnectError("nobody there")
        self._called[str(request.url), json.loads(request.content)["state"]] += 1
        return httpx.Response(200)

    def _next_pid(self) -> int:
        self._runners += 1
        return self._runners

    def _comes_late(self, message: Message) -> None:
        self._late.append(message)

    def _lost(self, what: str) -> None:
        """On one machine the broker loses what it holds only when the server dies."""
        self.tell(f"{what} is lost")
        life = self._life

        def kill() -> None:
            if life is self._life:
                self._kill("its broker had lost something")

        self.loop.call_later(5.0 * self.chances.stream("lost").random(), kill)

    # The users.

    async def _users(self) -> None:
        asked: list[asyncio.Task[None]] = []
        for act in self.scenario.acts:
            await asyncio.sleep(max(0.0, act.at - self.loop.time()))
            asked.append(asyncio.create_task(self._ask(act)))
        await asyncio.gather(*asked)
        while not (self._up.is_set() and self._invariants.everything_has_ended()):
            await asyncio.sleep(0.5)
            if self._invariants.paused_runs() or self._invariants.paused_places():
                await self._ask(Act(self.loop.time(), "resume all"))
            if self._invariants.delayed_runs() and self.chances.stream("impatience").random() < IMPATIENCE:
                await self._ask(Act(self.loop.time(), "retry what is delayed"))
        await asyncio.sleep(6.0)  # whatever comes late

    async def _ask(self, act: Act) -> None:
        """One request: it may be refused, or fail, or its server may die of it."""
        await self._up.wait()
        self.telling.counts["acts"] += 1
        self.tell(f"user: {str(act).strip()}")
        if act.what == "write METS of run":
            self._mets.write_from_outside(stage() / f"book{act.which % len(self.scenario.books)}" / "mets.xml")
            return
        server, died = self._server, self._died
        if server is None:
            return
        request = self.loop.live(self._life, self._do(server, act))
        leaving = asyncio.create_task(died.wait())
        if act.what != "restart" and self.chances.happens("a user goes away"):
            await asyncio.sleep(self.chances.seconds("patience", 0.05))
            request.cancel()
        await asyncio.wait({request, leaving}, return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        if request.done() and not request.cancelled() and request.exception() is not None:
            self.tell(f"user: {act.what} {act.which}: {request.exception()!r}")

    async def _do(self, server: Offizin, act: Act) -> None:
        if act.what == "submit":
            await self._submit(server, act)
            return
        if act.what == "restart":
            await self._restart(server)
            return
        if act.what == "retry what is delayed":
            for delayed in sorted(self._invariants.delayed_runs()):
                await server.retrying.retry_run(
                    await server.database.read(lambda tx, run=delayed: runs.by_seq(tx, run))
                )  # type: ignore[misc]
            return
        if act.what == "resume all":
            for run_id in sorted(self._invariants.paused_runs()):
                found = await server.database.read(lambda tx, run_id=run_id: runs.by_id(tx, run_id))  # type: ignore[misc]
                assert found is not None
                await server.step_pauses.resume(found)
            for name in self._invariants.paused_places():
                await server.pauses.resume(PauseKind.HOST_AND_PROCESSOR, name)
            return
        run, _, job_ids = self._submitted.get(act.which, (None, "", []))
        if run is None:
            return
        if act.what == "cancel run":
            await server.cancellation.cancel_run(run)
        elif act.what == "cancel job" and job_ids:
            found = await server.database.read(lambda tx: jobs.rows_by_id(tx, job_ids))
            await server.cancellation.cancel_job(found[job_ids[act.job % len(job_ids)]].seq)
        elif act.what == "retry run":
            await server.retrying.retry_run(await server.database.read(lambda tx: runs.by_seq(tx, run)))
        elif act.what == "redo run":
            row = await server.database.read(lambda tx: runs.by_seq(tx, run))
            await server.retrying.retry_run(
                row, Redo(What(act.redo), act.pages, act.step, act.processor, skip=act.skip)
            )
        elif act.what in ("pause step of run", "resume run"):
            row = await server.database.read(lambda tx: runs.by_seq(tx, run))
            if act.what == "resume run":
                await server.step_pauses.resume(row)
            else:
                await server.step_pauses.pause(row, act.job % 2)
        elif act.what == "set priority of run":
            await server.priorities.set_priority(run, act.priority)

    async def _submit(self, server: Offizin, act: Act) -> None:
        chosen = workflow(act.workflow)
        if act.alone:
            chosen = Workflow(chosen.steps[:1], chosen.text)
        before = self._submitted.get(act.which - 1)
        submitted = await server.submissions.submit(
            Submission(
                stage() / f"book{act.book}" / "mets.xml",
                chosen,
                pages=act.pages,
                page_wise=act.page_wise,
                overwrite=act.overwrite,
                policies=Policies.from_pairs([pair.split("=") for pair in act.policies.split()]),
                priority=act.priority,
                kind=RunKind.JOB if act.alone else RunKind.WORKFLOW,
                depends_on=before[2][-1:] if act.depends and before else (),
                callback_url=f"http://user/{act.which}" if act.calls_back else None,
            )
        )
        self._submitted[act.which] = (submitted.run, submitted.run_id, [job for _, job in submitted.jobs])

    async def _restart(self, server: Offizin) -> None:
        """The server is stopped as it should be."""
        self._up.clear()
        self.tell("--- the server is stopped")
        try:
            await server.__aexit__(None, None, None)
            self.tell("--- the server has stopped")
        finally:
            self._kill("it was stopped")

    # The story.

    async def _story(self) -> None:
        self._up = asyncio.Event()
        self._died = asyncio.Event()
        keeping = asyncio.create_task(self._keep_running())
        async with asyncio.timeout(PATIENCE):
            await self._users()
        keeping.cancel()
        self._invariants.check_the_end()
        self._check_callbacks()
        if self._server is not None:
            self._check_at_rest(self._server)

    def _check_callbacks(self) -> None:
        """Each is made; once, if nothing comes between the call and the note of it."""
        due, made = self._invariants.callbacks, self._called
        trouble = self.telling.counts["kills"] or self.chances.happened["a transaction fails"]
        if not (made >= due if trouble else made == due):
            raise Violated(f"callbacks due: {dict(due)}, made: {dict(made)}")

    def _check_at_rest(self, server: Offizin) -> None:
        """Nothing is held that should have been let go."""
        dispatcher = server.dispatcher
        if dispatcher.out:
            raise Violated(f"pieces that are out: {list(dispatcher.out)}")
        for processor, load in dispatcher._loads.items():
            if load.out or load.reserved:
                raise Violated(f"the window of {processor} counts {load.out} out, {load.reserved} reserved")
        for lane in server.lanes._lanes.values():
            if lane.in_flight:
                raise Violated(f"{lane.mets} counts {lane.in_flight} in flight")

    def run(self) -> None:
        """Raises Violated."""
        handler = _Listening(self)
        if self._with_logs:
            logging.getLogger("offizin").addHandler(handler)
        else:
            logging.disable(logging.CRITICAL)
        faults.set_hook(self._reached)
        try:
            with contextlib.suppress(Killed, RuntimeError):
                self.loop.run_until_complete(self._story())
                if self._violated is None:
                    return
        except TimeoutError:
            self._invariants.check_the_end()
            raise Violated("the end never comes") from None
        except (NothingHappens, TooManySteps) as error:
            raise Violated(f"{type(error).__name__} after {self.loop.steps} steps") from None
        finally:
            faults.set_hook(None)
            if self._server is not None:
                self._server.home.release()
            self.telling.counts += self._hooks.counts
            self.loop.bury()
            logging.getLogger("offizin").removeHandler(handler)
            logging.disable(logging.NOTSET)
        raise self._violated or Violated("the loop stopped")


class _Listening(logging.Handler):
    def __init__(self, world: World) -> None:
        super().__init__(logging.WARNING)
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        self._world.tell(f"log: {self.format(record)}")


def outcome(scenario: Scenario, *, with_logs: bool = False) -> tuple[World, str]:
    """Live through it; the world, and what went wrong or nothing."""
    if scenario.workers:
        from tests.simulation.cluster import ClusterWorld

        return _outcome(ClusterWorld(scenario, with_logs=with_logs))
    return _outcome(World(scenario, with_logs=with_logs))


def _outcome(world: World) -> tuple[World, str]:
    try:
        world.run()
    except Violated as violated:
        return world, str(violated)
    return world, ""
