"""One simulated world: users, a server that is killed and started again, and what is outside of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from typing import ParamSpec

from offizin import faults
from offizin.messages import Piece
from offizin.offizin import Offizin
from offizin.scheduling import completion, lanes
from tests.simulation.chances import Chances
from tests.simulation.database import Hooks
from tests.simulation.invariants import Invariants
from tests.simulation.mets_files import MetsFile, MetsFiles
from tests.simulation.rows import Rows, Violated, require
from tests.simulation.scenario import Scenario
from tests.simulation.servers import Servers
from tests.simulation.stage import emptied_database, mets_of
from tests.simulation.users import Users
from tests.simulation.virtual_loop import Killed, NothingHappens, TooManySteps, VirtualClock, VirtualLoop
from tests.simulation.work_in_hand import WorkInHand

P = ParamSpec("P")

# By then everything has ended, or never will: in seconds, and in turns of the loop.
PATIENCE = 3600.0
MOST_STEPS = 400_000
# The last of what comes late has come by then.
LATE = 6.0


class World:
    """``lines`` tell what happened, ``counts`` how much. ``with_logs``: the server's logs are part of the story."""

    def __init__(self, scenario: Scenario, *, with_logs: bool = False) -> None:
        self.scenario = scenario
        self.lines: list[str] = []
        self.chances = Chances(str(scenario.seed), scenario.troubles)
        self._with_logs = with_logs
        threads = self.chances.stream("threads")
        self._loop = VirtualLoop(lambda: (threads.random() * 0.004, threads.random() * 0.004), MOST_STEPS)
        database, connection = emptied_database()
        self._mets = MetsFiles(self.chances)
        for book, pages in enumerate(scenario.books):
            self._mets.books[mets_of(book)] = MetsFile.with_images([f"P{number + 1}" for number in range(pages)])
        self._rows = Rows(connection)
        self._invariants = Invariants(self._rows, self._mets)
        self._work = WorkInHand(self._rows, self._mets)
        self._hooks = Hooks(self.chances, self._kill, self._committed)
        self._servers = Servers(
            scenario, self._loop, VirtualClock(self._loop, self.chances.stream("ids")), database, self._mets,
            self._hooks, self, tell=self.tell, buried=self._work.server_is_dead,
        )  # fmt: skip
        self._users = Users(scenario, self._loop, self._servers, self._mets, self._hooks, self.tell)
        self._violated: Violated | None = None

    @property
    def counts(self) -> Counter[str]:
        """Transactions, looks into the database, deliveries, reports, pages, attempts, acts, kills."""
        return self._hooks.counts

    def run(self) -> None:
        """Live through the scenario. Raises Violated when something happens that must not."""
        with self._set_up():
            try:
                self._loop.run_until_complete(self._story())
            except TimeoutError:
                self._invariants.check_the_end()
                raise Violated("the end never comes") from None
            except (NothingHappens, TooManySteps) as error:
                raise Violated(f"{type(error).__name__} after {self._loop.steps} steps") from None
            except (Killed, RuntimeError):
                if self._violated is None:
                    raise
            if self._violated is not None:
                raise self._violated

    async def _story(self) -> None:
        keeping = asyncio.create_task(self._servers.keep_running())
        async with asyncio.timeout(PATIENCE):
            await self._users.act()
            while not (self._servers.up.is_set() and self._invariants.everything_has_ended()):  # noqa: ASYNC110
                await asyncio.sleep(0.5)
            await asyncio.sleep(LATE)
        keeping.cancel()
        self._invariants.check_the_end()
        self._work.check_the_end()
        self._check_callbacks()
        if self._servers.server is not None and self._servers.up.is_set():
            check_at_rest(self._servers.server)

    @contextlib.contextmanager
    def _set_up(self) -> Iterator[None]:
        """What is global: logs, fault points, and limits that are small in some worlds, so that they are reached."""
        logger, handler = logging.getLogger("offizin"), _Listening(self.tell)
        most_open, most_in_group = lanes.MOST_OPEN, completion.MOST_IN_GROUP
        lanes.MOST_OPEN, completion.MOST_IN_GROUP = self.scenario.most_open, self.scenario.most_in_group
        if self._with_logs:
            logger.addHandler(handler)
        else:
            logging.disable(logging.CRITICAL)
        faults.set_hook(self._servers.reached)
        try:
            yield
        finally:
            lanes.MOST_OPEN, completion.MOST_IN_GROUP = most_open, most_in_group
            faults.set_hook(None)
            self._servers.release()
            self._loop.bury()
            logger.removeHandler(handler)
            logging.disable(logging.NOTSET)

    def tell(self, what: str) -> None:
        self.lines.append(f"{self._loop.time():10.4f}  {what}")

    # What runners and database call.

    def begins(self, piece: Piece) -> None:
        job = self._rows.by_id[piece.job]
        self.tell(f"runner begins job {job.seq}.{piece.piece} attempt {piece.attempt}: {','.join(piece.slice.pages)}")
        self.counts["attempts"] += 1
        self._guard(self._work.begins, piece)

    def ends(self, piece: Piece) -> None:
        self._work.ends(piece)

    def works(self, what: str) -> None:
        self.counts[what] += 1

    def _kill(self, where: str) -> None:
        self._servers.kill(where)

    def _committed(self, name: str) -> None:
        self.tell(f"committed: {name}")
        self.counts["transactions"] += 1
        self._guard(self._invariants.check, "Retrying" in name)

    def _guard(self, check: Callable[P, None], *values: P.args, **named: P.kwargs) -> None:
        """The first violation ends the world, whatever would catch it on the way up."""
        try:
            check(*values, **named)
        except Violated as violated:
            self.tell(f"VIOLATED: {violated}")
            self._violated = self._violated or violated
            self._loop.stop()
            raise Killed from None

    def _check_callbacks(self) -> None:
        """Each is made; once, if nothing comes between the call and the note of it."""
        due, made = self._invariants.callbacks, self._servers.called
        trouble = self.counts["kills"] or self.chances.happened["a transaction fails"]
        require(made >= due if trouble else made == due, f"callbacks due: {dict(due)}, made: {dict(made)}")


def check_at_rest(server: Offizin) -> None:
    """Nothing is held that should have been let go."""
    require(not server.dispatcher.out, f"pieces that are out: {list(server.dispatcher.out)}")
    for processor, load in server.dispatcher._loads.items():
        require(not load.out and not load.reserved, f"the window of {processor} is not empty: {load}")
    for lane in server.lanes._lanes.values():
        require(not lane.in_flight, f"{lane.mets} counts {lane.in_flight} in flight")


class _Listening(logging.Handler):
    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        self._tell(f"log: {self.format(record)}")


def outcome(scenario: Scenario, *, with_logs: bool = False) -> tuple[World, str]:
    """Live through it; the world, and what went wrong or nothing."""
    world = World(scenario, with_logs=with_logs)
    try:
        world.run()
    except Violated as violated:
        return world, str(violated)
    return world, ""
