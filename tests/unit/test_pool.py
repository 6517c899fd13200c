"""Who gets which core and which runner, with runners that do what a test says."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from offizin.brokers.broker import RESULTS, Delivery, Kind, Message, queue_of
from offizin.brokers.in_process import InProcessBroker
from offizin.clock import SystemClock
from offizin.errors import ProcessorUnloadable, RunnerLost, Unavailable
from offizin.messages import (
    AttemptName,
    Cause,
    Claimed,
    Handshake,
    Piece,
    Result,
    Slice,
    decode_piece,
    decode_result,
    encode,
)
from offizin.workers.loading import PoolSettings
from offizin.workers.membership import Membership
from offizin.workers.pool import WorkerPool
from offizin.workers.runner_process import Reported, RunnerEvent, Started


class ScriptedRunner:
    """Has the face of RunnerProcess. It begins with its first piece by itself; the test says when one is done."""

    def __init__(self, processor: str, pid: int) -> None:
        self.pid = pid
        self.processor = processor
        self.handshake = Handshake(processor=processor, independent_pages=True, pid=pid)
        self.memory = None
        self.pieces: list[Piece] = []
        self.killed = False
        self.leaving = False
        self._events: asyncio.Queue[RunnerEvent | None] = asyncio.Queue()
        self._code: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def send(self, body: bytes) -> None:
        self.pieces.append(decode_piece(body))
        if len(self.pieces) == 1:
            self._events.put_nowait(Started())

    def finish(self) -> None:
        """The first piece is done; the next begins."""
        done = self.pieces.pop(0)
        self._events.put_nowait(Reported(True, encode(Result(done.job, done.attempt, done.piece))))
        if self.pieces:
            self._events.put_nowait(Started())

    def die(self, code: int) -> None:
        self._events.put_nowait(None)
        if not self._code.done():
            self._code.set_result(code)

    def kill(self) -> None:
        """What it has said is still heard; its end comes when the test says so (``die``)."""
        self.killed = True

    def pause(self, seconds: float) -> None:
        pass

    def renew(self, seconds: float) -> None:
        pass

    async def events(self) -> AsyncGenerator[list[RunnerEvent], None]:
        while (event := await self._events.get()) is not None:
            yield [event]

    async def stop(self, grace: float) -> None:
        self.leaving = True
        self.die(0)

    async def wait(self) -> int:
        return await asyncio.shield(self._code)


@dataclass
class Scene:
    """A pool, its broker, the runners that were started and the results that came."""

    broker: InProcessBroker
    pool: WorkerPool
    runners: list[ScriptedRunner]
    results: list[Result]
    failing: list[Exception] = field(default_factory=list)  # what the next starts raise
    gates: dict[str, asyncio.Event] = field(default_factory=dict)  # processors that load only when this is set

    async def give(self, processor: str, job: str, **fields: Any) -> None:
        await self.pool.serve(processor)
        piece = Piece(
            version=1, job=job, attempt=1, piece=0, processor=processor, parameters=msgspec.Raw(b"{}"),
            input_file_grps=["IN"], output_file_grps=["OUT"], directory="/nowhere", mets="/nowhere/mets.xml",
            log="/nowhere/log", slice=Slice(pages=["p"], files=[]),
        )  # fmt: skip
        await self.broker.publish(
            queue_of(processor), [Message(Kind.PIECE, encode(msgspec.structs.replace(piece, **fields)))]
        )

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not holds():  # noqa: ASYNC110 - each turn of the loop may bring it about
                await asyncio.sleep(0)

    async def settled(self) -> None:
        """Everything that can happen by itself has happened."""
        for _ in range(50):
            await asyncio.sleep(0)

    def working(self, job: str) -> ScriptedRunner | None:
        return next((r for r in self.runners if r.pieces and r.pieces[0].job == job and not r._code.done()), None)

    async def works(self, job: str) -> ScriptedRunner:
        await self.until(lambda: self.working(job) is not None)
        found = self.working(job)
        assert found is not None
        return found


@pytest.fixture
def make_scene() -> Callable[..., Awaitable[Scene]]:

    async def make(slots: int = 2, runners: int = 8, membership: Membership | None = None) -> Scene:
        broker = InProcessBroker()
        started: list[ScriptedRunner] = []

        async def start(executable: Path, **_: Any) -> ScriptedRunner:
            if executable.name in scene.gates:
                await scene.gates[executable.name].wait()
            if scene.failing:
                raise scene.failing.pop(0)
            runner = ScriptedRunner(executable.name, len(started) + 1)
            started.append(runner)
            return runner

        settings = PoolSettings(
            slots=slots, runners=runners, slots_per_processor={}, threads=1, load_limit=1.0, idle_limit=1e6,
            logs=Path("/nowhere"), job_logs=Path("/nowhere"), environment=lambda _: {},
        )  # fmt: skip
        pool = WorkerPool(
            broker, lambda name: Path("/bin") / name, settings, SystemClock(), start, membership,  # type: ignore[arg-type]
        )  # fmt: skip
        scene = Scene(broker, pool, started, [])

        def receive(deliveries: list[Delivery]) -> None:
            for delivery in deliveries:
                if delivery.message.kind is Kind.RESULT:
                    scene.results.append(decode_result(delivery.message.body))
                delivery.acknowledge()

        await broker.consume(RESULTS, 1000, receive)
        return scene

    return make


async def test_a_piece_goes_to_a_runner_and_its_result_comes_back(make_scene: Any) -> None:
    scene = await make_scene()
    await scene.give("seg", "a")
    (await scene.works("a")).finish()
    await scene.until(lambda: len(scene.results) == 1)
    assert (scene.results[0].job, scene.results[0].cause) == ("a", None)
    assert await scene.broker.depth(queue_of("seg")) == 0


async def test_where_few_runners_find_room_each_does_something_before_it_goes(make_scene: Any) -> None:
    """One core, one runner, many processors: a runner that was loaded must not make room before it had its piece."""
    scene = await make_scene(slots=1, runners=1)
    for name in ("a", "b", "c", "d"):
        await scene.give(name, name)
    for count in range(4):
        await scene.until(lambda: any(r.pieces and not r.leaving for r in scene.runners))
        next(r for r in scene.runners if r.pieces and not r.leaving).finish()
        await scene.until(lambda count=count: len(scene.results) == count + 1)
    assert sorted(result.job for result in scene.results) == ["a", "b", "c", "d"]
    assert len(scene.runners) == 4


async def test_a_processor_that_loads_slowly_does_not_hold_up_others(make_scene: Any) -> None:
    scene = await make_scene(slots=2)
    scene.gates["slow"] = asyncio.Event()
    await scene.give("slow", "s")
    await scene.settled()
    for job in ("a", "b", "c"):
        await scene.give("quick", job)
        (await scene.works(job)).finish()
    await scene.until(lambda: len(scene.results) == 3)
    scene.gates["slow"].set()
    await scene.works("s")


async def test_a_piece_that_is_to_run_alone_has_nothing_beside_it(make_scene: Any) -> None:
    scene = await make_scene(slots=4)
    await scene.give("seg", "before")
    before = await scene.works("before")
    await scene.give("rec", "alone", alone=True)
    await scene.give("seg", "after")
    await scene.give("book", "other")
    await scene.settled()
    assert scene.working("alone") is None
    before.finish()
    alone = await scene.works("alone")
    await scene.settled()
    assert [r.pieces[0].job for r in scene.runners if r.pieces] == ["alone"]
    alone.finish()
    await scene.works("after")
    await scene.works("other")


async def test_who_is_done_before_the_kill_arrives_has_succeeded_and_the_next_is_not_to_blame(make_scene: Any) -> None:
    scene = await make_scene(slots=1)
    await scene.give("seg", "first")
    await scene.works("first")
    for line in scene.pool._lines:
        line.seconds = 0.001  # fast: several in hand
    await scene.give("seg", "second")
    runner = scene.runners[0]
    await scene.until(lambda: len(runner.pieces) == 2)
    await scene.until(lambda: scene.pool._lines["seg"].slots[0]._begun)
    scene.pool.cancel("first")
    assert runner.killed
    runner.finish()  # it was faster
    runner.die(-signal.SIGKILL)
    again = await scene.works("second")
    assert again is not runner
    again.finish()
    await scene.until(lambda: len(scene.results) == 2)
    assert [(result.job, result.cause) for result in scene.results] == [("first", None), ("second", None)]


async def test_the_piece_a_runner_was_ended_for_fails_with_that_cause(make_scene: Any) -> None:
    scene = await make_scene(slots=1)
    await scene.give("seg", "a")
    runner = await scene.works("a")
    await scene.until(lambda: scene.pool._lines["seg"].slots[0]._begun)
    scene.pool.cancel("a")
    runner.die(-signal.SIGKILL)
    await scene.until(lambda: len(scene.results) == 1)
    assert scene.results[0].cause is Cause.CANCELLED


async def test_what_waits_is_cancelled_without_a_runner(make_scene: Any) -> None:
    scene = await make_scene(slots=1)
    await scene.give("seg", "a")
    await scene.works("a")
    await scene.give("rec", "b")
    await scene.settled()
    scene.pool.cancel("b")
    await scene.until(lambda: len(scene.results) == 1)
    assert (scene.results[0].job, scene.results[0].cause) == ("b", Cause.CANCELLED)


async def test_a_runner_that_crashes_fails_its_piece_and_the_others_in_its_hands_go_on(make_scene: Any) -> None:
    scene = await make_scene(slots=1)
    await scene.give("seg", "a")
    runner = await scene.works("a")
    scene.pool._lines["seg"].seconds = 0.001
    await scene.give("seg", "b")
    await scene.until(lambda: len(runner.pieces) == 2)
    runner.die(-signal.SIGSEGV)
    await scene.until(lambda: len(scene.results) == 1)
    assert (scene.results[0].job, scene.results[0].cause) == ("a", Cause.CRASH)
    await scene.works("b")


async def test_nothing_is_fed_to_a_runner_whose_end_is_being_looked_at(make_scene: Any) -> None:
    """Its pieces have been given back already: a further one would be lost."""
    scene = await make_scene(slots=1)
    await scene.give("seg", "a")
    runner = await scene.works("a")
    runner.die(-signal.SIGSEGV)
    await scene.until(lambda: scene.pool._lines["seg"].slots[0].ending if scene.pool._lines["seg"].slots else True)
    await scene.give("seg", "b")
    assert await scene.works("b") is not runner


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (ProcessorUnloadable("it ended"), Cause.EXIT),
        (RunnerLost("killed"), Cause.RUNNER_LOST),
        (OSError(28, "No space left on device"), Cause.EXIT),
    ],
)
async def test_a_processor_that_does_not_load_fails_what_waits_and_is_tried_again(
    make_scene: Any, error: Exception, cause: Cause
) -> None:
    scene = await make_scene()
    scene.failing.append(error)
    await scene.give("seg", "a")
    await scene.until(lambda: len(scene.results) == 1)
    assert (scene.results[0].job, scene.results[0].cause) == ("a", cause)
    await scene.give("seg", "b")
    await scene.works("b")


async def test_results_wait_for_a_broker_that_cannot_be_reached(
    make_scene: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = await make_scene()
    await scene.give("seg", "a")
    runner = await scene.works("a")
    real, refusals = scene.broker.publish, [0]

    async def publish(queue: str, messages: list[Message]) -> None:
        if queue == RESULTS and refusals[0] < 2:
            refusals[0] += 1
            raise Unavailable("not now")
        await real(queue, messages)

    monkeypatch.setattr(scene.broker, "publish", publish)
    monkeypatch.setattr("offizin.brokers.at_last.PAUSE", 0.0)
    runner.finish()
    await scene.until(lambda: len(scene.results) == 1)
    assert refusals == [2]


async def test_closing_lets_what_has_begun_finish_and_hands_back_what_waits(make_scene: Any) -> None:
    scene = await make_scene(slots=1)
    await scene.give("seg", "a")
    await scene.give("rec", "b")
    await scene.works("a")
    await scene.settled()
    await scene.pool.close(0.1)
    assert all(runner.leaving for runner in scene.runners)
    assert scene.results == []
    assert await scene.broker.depth(queue_of("rec")) == 1


async def test_a_paused_worker_finishes_what_it_has_begun_and_gives_back_the_rest(make_scene: Any) -> None:
    scene = await make_scene(slots=1, membership=Membership("s"))
    await scene.give("seg", "a")
    runner = await scene.works("a")
    await scene.give("seg", "b")
    await scene.settled()
    await scene.pool.pause(True)
    assert scene.pool.paused
    assert await scene.broker.depth(queue_of("seg")) == 1
    await scene.give("seg", "c")
    runner.finish()
    await scene.until(lambda: len(scene.results) == 1)
    await scene.settled()
    assert (scene.results[0].job, await scene.broker.depth(queue_of("seg"))) == ("a", 2)
    await scene.pool.pause(False)
    (await scene.works("b")).finish()
    (await scene.works("c")).finish()
    await scene.until(lambda: [result.job for result in scene.results] == ["a", "b", "c"])
    await scene.settled()
    assert await scene.broker.depth(queue_of("seg")) == 0


async def test_what_a_paused_worker_is_granted_late_goes_back_to_its_server(make_scene: Any) -> None:
    scene = await make_scene(membership=Membership("s", must_claim=lambda _: True))
    await scene.give("seg", "a")
    await scene.settled()
    await scene.pool.pause(True)
    scene.pool.claim_answered(Claimed([AttemptName("a", 1, 0)], [], 1))
    await scene.until(lambda: len(scene.results) == 1)
    assert (scene.results[0].job, scene.results[0].cause, scene.results[0].charged) == ("a", Cause.WORKER_LOST, False)
    assert not scene.runners


async def test_a_late_answer_about_a_copy_that_is_over_lets_no_other_copy_begin(make_scene: Any) -> None:
    asked: list[int] = []
    membership = Membership(
        "s", must_claim=lambda _: True, claim=lambda _server, _attempts, number: asked.append(number)
    )
    scene = await make_scene(membership=membership)
    await scene.give("seg", "a")
    await scene.until(lambda: len(asked) == 1)
    name = AttemptName("a", 1, 0)
    scene.pool.claim_answered(Claimed([name], [], asked[0]))
    (await scene.works("a")).finish()
    await scene.until(lambda: [result.job for result in scene.results] == ["a"])
    await scene.give("seg", "a")
    await scene.until(lambda: len(asked) == 2)
    scene.pool.claim_answered(Claimed([name], [], asked[0]))
    await scene.settled()
    assert scene.pool.held() == []
    scene.pool.claim_answered(Claimed([], [name], asked[1]))
    await scene.settled()
    assert [result.job for result in scene.results] == ["a"]
    assert await scene.broker.depth(queue_of("seg")) == 0


async def test_what_a_runner_that_dies_on_a_paused_worker_had_not_begun_goes_back_to_its_server(
    make_scene: Any,
) -> None:
    scene = await make_scene(slots=1, membership=Membership("s"))
    for job in ("a", "b", "c", "d"):  # so that it is known to be quick, and several are in hand
        await scene.give("seg", job)
        (await scene.works(job)).finish()
        await scene.until(lambda job=job: scene.results and scene.results[-1].job == job)
    for job in ("e", "f"):
        await scene.give("seg", job)
    runner = await scene.works("e")
    await scene.until(lambda: len(runner.pieces) == 2)
    await scene.pool.pause(True)
    runner.die(-9)
    await scene.until(lambda: len(scene.results) == 6)
    assert {(r.job, r.charged) for r in scene.results[4:]} == {("e", True), ("f", False)}


async def test_a_worker_that_begins_paused_takes_nothing_before_it_is_told_so(make_scene: Any) -> None:
    scene = await make_scene(membership=Membership("s", begins_paused=True))
    await scene.give("seg", "a")
    await scene.settled()
    assert scene.pool.paused
    assert not scene.runners
    await scene.pool.pause(False)
    await scene.works("a")


async def test_a_processor_that_is_paused_on_a_worker_rests_there_and_others_do_not(make_scene: Any) -> None:
    scene = await make_scene(slots=1, membership=Membership("s"))
    await scene.give("seg", "a")
    runner = await scene.works("a")
    await scene.give("seg", "b")
    await scene.settled()
    await scene.pool.pause(False, frozenset({"seg"}))
    assert (scene.pool.paused, scene.pool.paused_processors) == (False, {"seg"})
    assert await scene.broker.depth(queue_of("seg")) == 1
    runner.finish()
    await scene.give("rec", "c")
    (await scene.works("c")).finish()
    await scene.until(lambda: [result.job for result in scene.results] == ["a", "c"])
    assert await scene.broker.depth(queue_of("seg")) == 1
    await scene.pool.pause(False)
    await scene.works("b")


async def test_a_worker_may_begin_without_a_processor(make_scene: Any) -> None:
    scene = await make_scene(membership=Membership("s", begins_without=frozenset({"seg"})))
    await scene.give("seg", "a")
    await scene.give("rec", "b")
    await scene.works("b")
    assert await scene.broker.depth(queue_of("seg")) == 1
    await scene.pool.pause(False)
    await scene.works("a")
