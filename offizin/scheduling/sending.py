"""Sending what was chosen: each piece with its slice of METS to its processor's queue.

What was chosen is queued for good: until it is sent, it is tried again and again.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from offizin.background import Background
from offizin.brokers.at_last import PAUSE, publish_at_last
from offizin.brokers.broker import Broker, Kind, Message, queue_of, results_of
from offizin.clock import Clock
from offizin.errors import OffizinError, Unavailable
from offizin.logs import attempt_log_name, job_log_name
from offizin.messages import ENVELOPE_VERSION, Cause, Piece, Result, encode
from offizin.scheduling.dispatched import Dispatched
from offizin.scheduling.lanes import Lane, Lanes
from offizin.scheduling.learned import LearnedProcessors
from offizin.workflows.policies import OnExistingOutput

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose results come back (empty: to the one server in this process), and of which generation is what it sends."""

    name: str = ""
    generation: Callable[[], int] = lambda: 0


class Sending:
    """``serve`` makes workers listen to a processor's queue; ``time_limit(processor)`` is in seconds for a page."""

    def __init__(
        self,
        broker: Broker,
        lanes: Lanes,
        learned: LearnedProcessors,
        clock: Clock,
        *,
        serve: Callable[[str], Awaitable[None]],
        time_limit: Callable[[str], float | None],
        sender: Sender = Sender(),
    ) -> None:
        self._broker = broker
        self._lanes = lanes
        self._learned = learned
        self._clock = clock
        self._serve = serve
        self._time_limit = time_limit
        self._sender = sender
        self._background = Background()

    async def send(self, chosen: Sequence[Dispatched]) -> None:
        """Send what has its METS at hand; for the rest, each METS is opened aside, so that nobody waits for it."""
        with_lane: list[Dispatched] = []
        without: dict[Path, list[Dispatched]] = {}
        for piece in chosen:
            lane = self._lanes.at_hand(piece.context.mets)
            if lane is None:
                without.setdefault(piece.context.mets, []).append(piece)
            else:
                piece.lane = lane
                lane.in_flight += 1
                with_lane.append(piece)
        for mets, waiting in without.items():
            self._background.spawn(self._open_and_send(mets, waiting))
        await self._send_pieces(with_lane)

    async def send_again(self, pieces: Sequence[Dispatched]) -> None:
        """They may be in their queues, or lost: whoever receives them has to claim them."""
        await self._send_pieces([piece for piece in pieces if piece.lane is not None], again=True)

    async def stop(self) -> None:
        """What is not sent yet stays where it is; the next start begins with it."""
        await self._background.cancel()

    async def _open_and_send(self, mets: Path, waiting: Sequence[Dispatched]) -> None:
        while True:
            try:
                lane = await self._lanes.open(mets, self._clock.now())
                break
            except Unavailable as error:
                log.warning("%s is opened again in %g s: %s", mets, PAUSE, error)
                await self._clock.sleep(PAUSE)
            except Exception as error:
                if not isinstance(error, OffizinError):
                    log.exception("%s cannot be opened", mets)
                lost = [Result(p.id, p.attempt, p.piece, cause=Cause.NO_INPUT, message=str(error)) for p in waiting]
                messages = [Message(Kind.RESULT, encode(result)) for result in lost]
                await publish_at_last(self._broker, self._clock, results_of(self._sender.name), messages)
                return
        for piece in waiting:
            piece.lane = lane
            lane.in_flight += 1
        await self._send_pieces(waiting)

    async def _send_pieces(self, ready: Sequence[Dispatched], *, again: bool = False) -> None:
        by_processor: dict[str, list[Message]] = {}
        name, generation = self._sender.name, self._sender.generation()
        for piece in ready:
            assert piece.lane is not None
            piece.sent = True
            message = Message(Kind.PIECE, encode(self._piece(piece, piece.lane)), again, name, generation)
            by_processor.setdefault(piece.processor, []).append(message)
        for processor, messages in by_processor.items():
            sending = self._send_messages(processor, messages)
            if self._sender.name:
                self._background.spawn(sending)  # a broker in the network takes its time to confirm
            else:
                await sending

    async def _send_messages(self, processor: str, messages: Sequence[Message]) -> None:
        try:
            await self._serve(processor)
            await self._broker.publish(queue_of(processor), messages)
        except Unavailable as error:
            log.warning("%d pieces of %s are sent again: %s", len(messages), processor, error)
            self._background.spawn(self._serve_and_publish(processor, messages))

    async def _serve_and_publish(self, processor: str, messages: Sequence[Message]) -> None:
        await self._clock.sleep(PAUSE)
        while True:
            try:
                await self._serve(processor)
                break
            except Unavailable:
                await self._clock.sleep(PAUSE)
        await publish_at_last(self._broker, self._clock, queue_of(processor), messages)

    def _piece(self, piece: Dispatched, lane: Lane) -> Piece:
        context = piece.context
        piece.full_mets = self._learned.full_mets(piece.processor)
        whole_book = piece.of_many and self._learned.independent_pages(piece.processor) is False
        return Piece(
            version=ENVELOPE_VERSION,
            job=piece.id,
            attempt=piece.attempt,
            piece=piece.piece,
            processor=context.processor,
            parameters=context.parameters,
            input_file_grps=context.input_file_grps,
            output_file_grps=context.output_file_grps,
            directory=context.directory,
            mets=context.mets_text,
            log=self._log_name(piece),
            slice=lane.index.slice(piece.pages, with_files_without_page=whole_book),
            overwrite=piece.overwrite,
            refuse_existing=context.policies.on_existing_output is OnExistingOutput.FAIL and not piece.overwrite,
            copy_input=piece.copies_input,
            full_mets=piece.full_mets,
            time_limit=self._limit(piece),
            alone=piece.alone,
        )

    def _limit(self, piece: Dispatched) -> float | None:
        said = piece.context.policies.page_timeout
        return self._time_limit(piece.processor) if said is None else said or None

    def _log_name(self, piece: Dispatched) -> str:
        """Slots in this process write to the job's log itself; what is written elsewhere is put together here."""
        if self._sender.name:
            return attempt_log_name(piece.id, piece.attempt, piece.piece)
        return job_log_name(piece.context.run_id, piece.id)
