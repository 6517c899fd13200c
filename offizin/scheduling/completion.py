"""Taking results in: all that have arrived are committed as one group."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import msgspec

from offizin.brokers.broker import RESULTS, Broker, Delivery, Kind, Message
from offizin.clock import Clock
from offizin.errors import Unavailable
from offizin.faults import reach
from offizin.jobs import State
from offizin.messages import (
    Cause,
    LogPart,
    Result,
    Taken,
    decode_handshake,
    decode_log_part,
    decode_results,
    decode_taken,
    decode_unloadable,
    encode,
)
from offizin.messages.recipes import recipe_of
from offizin.scheduling.arrivals import Arrivals
from offizin.scheduling.arriving_logs import ArrivingLogs, logs_of
from offizin.scheduling.breaker import Breaker, Step, Trip
from offizin.scheduling.choosing import Choice, Choosing
from offizin.scheduling.completion_write import CompletionWrite, Written
from offizin.scheduling.dispatch import Dispatcher
from offizin.scheduling.dispatched import Dispatched
from offizin.scheduling.learned import LearnedProcessors
from offizin.scheduling.retry_policy import Limits
from offizin.scheduling.verdicts import Claims, Verdict, judge
from offizin.store.pauses import place_name, step_name
from offizin.store.transaction import Database, Transaction
from offizin.tallies import Tallies
from offizin.timings import Timings

log = logging.getLogger(__name__)

# So many pieces are out that results may wait for each other.
MANY = 8


class Completion:
    """``run_over`` is called with the number of each run in which nothing is open; ``end_work`` with the id of a job
    that has begun although it was cancelled, on its way to the worker; ``changed`` after each commit; ``paused`` when
    the ``breaker`` has paused something, ``delayed`` when some next tries come later; ``host_of`` tells where a
    worker's session is; ``takes`` with a
    piece and the session that says it has taken it over; ``others`` with what workers say of themselves, once all that
    they said before is taken in; ``strays`` with what is said of work that is not under way here, by job. ``logs`` gets
    what jobs wrote on other machines, before it is shown that they are over."""

    def __init__(
        self,
        database: Database,
        broker: Broker,
        dispatcher: Dispatcher,
        choosing: Choosing,
        learned: LearnedProcessors,
        clock: Clock,
        timings: Timings,
        tallies: Tallies,
        limits: Limits,
        breaker: Breaker,
        *,
        run_over: Callable[[int], None],
        end_work: Callable[[str], None],
        changed: Callable[[], None],
        paused: Callable[[], None],
        delayed: Callable[[], None],
        host_of: Callable[[str], str] = lambda _: "",
        logs: ArrivingLogs,
        queue: str = RESULTS,
        takes: Callable[[Dispatched, str], bool] = lambda _piece, _session: True,
        others: Callable[[Message], None] = lambda _: None,
        strays: Callable[[Sequence[tuple[str, Message]]], Awaitable[None]] | None = None,
    ) -> None:
        self._dispatcher = dispatcher
        self._choosing = choosing
        self._learned = learned
        self._clock = clock
        self._timings = timings
        self._tallies = tallies
        self._limits = limits
        self._breaker = breaker
        self._run_over = run_over
        self._end_work = end_work
        self._changed = changed
        self._look_at_pauses = paused
        self._delayed = delayed
        self._host_of = host_of
        self._logs = logs
        self._takes = takes
        self._others = others
        self._strays = strays
        self._arrivals = Arrivals(
            broker, clock, queue, busy=lambda: len(dispatcher.out) >= MANY, take=self._take, give_up=self._give_up
        )
        self.start = self._arrivals.start
        self.stop = self._arrivals.stop
        self.listen = self._arrivals.listen

    async def _give_up(self, delivery: Delivery, error: Exception) -> None:
        if delivery.message.kind is not Kind.RESULT:
            return
        results = [r for r in decode_results(delivery.message.body) if self._counts(r, delivery.message.sender)]
        for result in results:
            fault = error if len(results) == 1 else await self._fault_of(result)
            if fault is None:
                continue
            message = f"its result cannot be taken in: {fault}"
            lost = Result(result.job, result.attempt, result.piece, cause=Cause.BAD_OUTPUT, message=message)
            if await self._fault_of(lost) is not None:
                log.error("job %s hangs until the next start", result.job)

    async def _fault_of(self, result: Result) -> Exception | None:
        """Take it in by itself; why that cannot be done. Raises Unavailable."""
        try:
            await self._commit([(result, "")], [])
        except Unavailable:
            raise
        except Exception as error:
            log.exception("a result of job %s could not be taken in", result.job)
            return error
        return None

    async def _take(self, group: Sequence[Delivery]) -> None:
        results: list[tuple[Result, str]] = []
        taken: list[Taken] = []
        others: list[Message] = []
        logs: list[LogPart] = []
        strays: list[tuple[str, Message]] = []
        with self._timings.measure("result: decode", 0):
            for delivery in group:
                message = delivery.message
                try:
                    if message.kind is Kind.RESULT:
                        for result in decode_results(message.body):
                            results.append((result, message.sender))
                            piece = self._piece(result)
                            if piece is None:
                                strays.append((result.job, replace(message, body=encode(result))))
                            elif message.sender and piece.holder is None and not result.end:
                                # Its note was lost with the broker: whoever tells of its pages has it.
                                taken.append(Taken(result.job, result.attempt, result.piece, session=message.sender))
                    elif message.kind is Kind.LOG:
                        logs.append(part := decode_log_part(message.body))
                        if self._piece(part) is None:
                            strays.append((part.job, message))
                    elif message.kind is Kind.TAKEN:
                        taken.append(note := decode_taken(message.body))
                        if self._piece(note) is None:
                            strays.append((note.job, message))
                    elif message.kind is Kind.LOADED:
                        await self._loaded(message.body)
                    elif message.kind is Kind.UNLOADABLE:
                        unloadable = decode_unloadable(message.body)
                        self._learned.did_not_load(unloadable.processor)
                        self._dispatcher.wake((unloadable.processor,))
                    else:
                        others.append(message)
                except msgspec.DecodeError as error:
                    log.error("a message on the result queue cannot be read: %s", error)
        if strays and self._strays is not None:
            await self._strays(strays)
        if logs := [*logs, *logs_of([result for result, sender in results if self._counts(result, sender)])]:
            await self._logs.keep(logs)
        if results or taken:
            # Looked at again: who has a piece may have changed meanwhile.
            await self._commit([(result, sender) for result, sender in results if self._counts(result, sender)], taken)
        for message in others:
            try:
                self._others(message)
            except msgspec.DecodeError as error:
                log.error("a message on the result queue cannot be read: %s", error)

    async def _loaded(self, body: bytes) -> None:
        handshake = decode_handshake(body)
        await self._learned.heard(handshake)
        self._dispatcher.wake((handshake.processor,))

    async def _commit(self, results: Sequence[tuple[Result, str]], taken: Sequence[Taken]) -> None:
        with self._timings.measure("result: check delta", len(results)):
            settled: dict[tuple[str, int], set[str]] = {}
            claims = Claims()
            verdicts: list[Verdict] = []
            ended: set[tuple[str, int]] = set()
            for result, sender in results:
                # What has come twice may come twice in one group.
                verdict = self._judge(result, settled, claims) if (result.job, result.piece) not in ended else None
                if verdict is not None:
                    verdict.sender = sender
                    verdicts.append(verdict)
                    if result.end:
                        ended.add((result.job, result.piece))
            running = [
                (piece, note)
                for note in taken
                if (piece := self._piece(note)) is not None
                and (note.job, note.piece) not in ended
                and self._takes(piece, note.session)
            ]
        if not verdicts and not running:
            return
        now = self._clock.now()
        weighed = self._breaker.weigh(verdicts)
        choice = self._dispatcher.reserve(Counter(v.piece.processor for v in verdicts if v.result.end))

        def write(tx: Transaction) -> Written:
            written = CompletionWrite(tx, now, self._limits, self._host_of, self._choosing.virtual_times.now).run(
                verdicts, running, weighed.trips.values()
            )
            self._choosing.choose(tx, choice)
            reach("completion: before commit")
            return written

        ending = [verdict.piece for verdict in verdicts if verdict.result.end]
        for piece in ending:
            piece.ending = True
        try:
            with self._timings.measure("result: store", len(verdicts)):
                written = await self._dispatcher.carry_out(write, choice)
        finally:
            for piece in ending:
                piece.ending = False
        reach("completion: after commit")
        self._breaker.keep(weighed, written.paused)
        if written.delayed:
            self._delayed()
        if written.paused:
            self._paused([weighed.trips[of] for of in written.paused])
        try:
            with self._timings.measure("result: METS index", len(written.accepted)):
                for verdict in written.accepted:
                    verdict.piece.settled.update(page.page for page in (*verdict.pages, *verdict.put_back))
                    if verdict.delta.files and verdict.piece.lane is not None:
                        verdict.piece.lane.index.apply(verdict.delta)
        finally:
            # What is committed has its consequences, whatever else goes wrong.
            self._after(verdicts, written, choice)
            await self._dispatcher.send(choice)
        for processor in {v.piece.processor for v in verdicts if v.result.missing_attribute}:
            await self._learned.remember(processor)

    def _paused(self, trips: Sequence[Trip]) -> None:
        for trip in trips:
            name = step_name(*trip.of) if isinstance(trip.of, Step) else place_name(*trip.of)
            log.error("%s is paused: %s: %s; to go on: offizin resume %s", name, trip.cause, trip.message, name)
        self._look_at_pauses()

    def _after(self, verdicts: Sequence[Verdict], written: Written, choice: Choice) -> None:
        for verdict in verdicts:
            if verdict.result.missing_attribute:
                self._learned.wants_full_mets(verdict.piece.processor)
            if verdict.result.end:
                result = verdict.result
                self._timings.add("runner", result.seconds)
                self._dispatcher.over(verdict.piece, result.seconds if result.cause is None else None)
                self._tallies.piece_ended(verdict.piece.processor, verdict.cause or State.SUCCESS, result.seconds)
            for page in verdict.pages:
                if page.cause is not None:
                    self._tallies.pages_failed[verdict.piece.processor, page.cause] += 1
        self._tallies.ended.update(written.consequences.ended)
        # What became ready where there was room is chosen already.
        self._dispatcher.wake((written.consequences.ready | written.again) - choice.room.keys())
        for run in written.consequences.ended_runs:
            self._run_over(run)
        for job in written.unwanted:
            self._end_work(job)
        self._changed()

    def _piece(self, note: Result | Taken | LogPart) -> Dispatched | None:
        """The piece it speaks of, unless it is a stale attempt's."""
        piece = self._dispatcher.out.get((note.job, note.piece))
        return piece if piece is not None and piece.attempt == note.attempt else None

    def _counts(self, result: Result, sender: str) -> bool:
        """A worker that was taken for lost may have its attempt's result sent after the attempt was given to another:
        only the word of whoever has it counts then."""
        piece = self._piece(result)
        if piece is None or piece.holder is None or sender in ("", piece.holder):
            return True
        log.info("a result of job %s, attempt %d, comes from a worker that has lost it", result.job, result.attempt)
        return False

    def _judge(self, result: Result, settled: dict[tuple[str, int], set[str]], claims: Claims) -> Verdict | None:
        piece = self._piece(result)
        if piece is None:
            log.info("a stale result of job %s, attempt %d, changes nothing", result.job, result.attempt)
            return None
        independent = self._learned.independent_pages(piece.processor) is True
        own = piece.context.instead_of
        if own is not None and result.recipe:
            # What was done another way belongs to the step as the workflow has it.
            recipe = recipe_of(own.processor, self._learned.version(own.processor), bytes(own.parameters).decode())
            result = msgspec.structs.replace(result, recipe=recipe)
        so_far = settled.setdefault((piece.id, piece.piece), set(piece.settled))
        return judge(piece, result, so_far, claims, independent=independent, limits=self._limits)
