"""Orders to workers, each through its control queue. An order that is lost does no harm: what matters is repeated."""

from __future__ import annotations

import asyncio
import logging

import msgspec

from offizin.brokers.broker import Broker, Kind, Message, control_of
from offizin.errors import Unavailable
from offizin.messages import Ask, Claimed, End, Follow, Load, Pause, Welcome, encode

log = logging.getLogger(__name__)

Order = Welcome | Ask | Claimed | End | Load | Pause | Follow
_KINDS: dict[type[msgspec.Struct], Kind] = {
    Welcome: Kind.WELCOME,
    Ask: Kind.ASK,
    Claimed: Kind.CLAIMED,
    End: Kind.END,
    Load: Kind.LOAD,
    Pause: Kind.PAUSE,
    Follow: Kind.FOLLOW,
}


class Orders:
    """Sent in the order they are given, without waiting."""

    def __init__(self, server: str) -> None:
        self.broker: Broker | None = None  # there as soon as it is connected
        self._server = server
        self._waiting: list[tuple[str, Message]] = []
        self._task: asyncio.Task[None] | None = None

    def give(self, session: str, order: Order) -> None:
        self._waiting.append((control_of(session), Message(_KINDS[type(order)], encode(order), sender=self._server)))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._send(), name="orders")

    async def stop(self) -> None:
        """Sends what was given, if that can be."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _send(self) -> None:
        while self._waiting and self.broker is not None:
            waiting, self._waiting = self._waiting, []
            for queue, message in waiting:
                try:
                    await self.broker.publish(queue, [message])
                except Unavailable as error:
                    log.warning("an order (%s) is lost: %s", message.kind, error)
