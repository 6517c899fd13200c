"""The broker inside the process as a simulated server meets it: late, doubled, out of order, gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from offizin.brokers.broker import RESULTS, Delivery, Kind, Message, Subscription
from offizin.brokers.in_process import InProcessBroker
from offizin.errors import Unavailable
from offizin.messages import decode_result, decode_taken
from tests.simulation.database import PAUSE, Hooks
from tests.simulation.virtual_loop import INSTANT, Killed, Life


class SimulatedBroker:
    """The broker inside the process, with delays: messages of different pieces overtake each other, results come twice
    or, as when it comes back empty, are gone. ``late`` takes what may come to the next server."""

    def __init__(self, life: Life, hooks: Hooks, late: Callable[[Message], None], lost: Callable[[str], None]) -> None:
        self._inner = InProcessBroker()
        self._life = life
        self._hooks = hooks
        self._late = late
        self._lost = lost
        self._free_at: dict[object, float] = {}  # when what was sent about a piece before has arrived

    async def publish(self, queue: str, messages: Sequence[Message]) -> None:
        chances = self._hooks.chances
        await asyncio.sleep(chances.seconds("broker", PAUSE))
        if self._life.ended:
            raise Killed
        if chances.happens("publishing fails"):
            raise Unavailable("the broker cannot be reached")
        for message in messages:
            self._send(queue, message)

    def _send(self, queue: str, message: Message) -> None:
        loop, chances = asyncio.get_running_loop(), self._hooks.chances
        at = max(loop.time() + chances.seconds("broker", PAUSE), self._free_at.get(_about(message), 0.0) + INSTANT)
        self._free_at[_about(message)] = at
        if queue != RESULTS:
            if chances.happens("a piece is lost with the broker"):
                self._lost("a piece")
            else:
                loop.call_at(at, self._put, queue, message)
            return
        if message.kind is Kind.RESULT:
            if chances.happens("a result is lost with the broker"):
                self._lost("a result")
                return
            if chances.happens("a result comes twice"):
                loop.call_at(at + chances.seconds("doubles", 5.0), self._put, queue, message)
            if chances.happens("a result of a dead server comes late"):
                self._late(message)
        loop.call_at(at, self._put, queue, message)

    def put(self, message: Message) -> None:
        """From an earlier life."""
        self._put(RESULTS, message)

    def _put(self, queue: str, message: Message) -> None:
        self._hooks.counts["deliveries"] += 1
        self._inner._queue(queue).put([message])

    async def consume(self, queue: str, prefetch: int, deliver: Callable[[list[Delivery]], None]) -> Subscription:
        return await self._inner.consume(queue, prefetch, deliver)

    async def depth(self, queue: str) -> int:
        return await self._inner.depth(queue)

    async def close(self) -> None:
        await self._inner.close()


def _about(message: Message) -> object:
    """Messages about one piece stay in order, as one worker sends them; others need not."""
    if message.kind is Kind.RESULT:
        result = decode_result(message.body)
        return result.job, result.piece
    if message.kind is Kind.TAKEN:
        taken = decode_taken(message.body)
        return taken.job, taken.piece
    return message.kind
