"""What a broker must do: four methods, the same for the queue inside the process and for RabbitMQ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

RESULTS = "offizin.results"


def queue_of(processor: str) -> str:
    """The name of a processor's queue. Never the plain name, which stock workers declare in their own way."""
    return f"offizin.{processor}"


class Kind(StrEnum):
    """What a message's body is."""

    PIECE = "piece"  # messages.Piece
    TAKEN = "taken"  # messages.Taken
    RESULT = "result"  # messages.Result
    LOADED = "loaded"  # messages.Handshake
    UNLOADABLE = "unloadable"  # messages.Unloadable


@dataclass(frozen=True, slots=True)
class Message:
    """An encoded message: ``body`` is JSON, opened only at its destination."""

    kind: Kind
    body: bytes


class Delivery(Protocol):
    """A message in the hands of a consumer, which owes the broker an answer."""

    message: Message
    redelivered: bool

    def acknowledge(self) -> None:
        """It is taken care of, for good."""
        ...

    def hand_back(self) -> None:
        """Somebody else shall have it; it comes redelivered."""
        ...


class Subscription(Protocol):
    async def cancel(self) -> None:
        """No more deliveries; what was not answered is delivered again, to somebody."""
        ...


class Broker(Protocol):
    async def publish(self, queue: str, messages: Sequence[Message]) -> None:
        """Returns when the broker has them. Raises Unavailable when it cannot be reached."""
        ...

    async def consume(self, queue: str, prefetch: int, deliver: Callable[[list[Delivery]], None]) -> Subscription:
        """Call ``deliver`` in the event loop with what has arrived, in order; at most ``prefetch`` stay unanswered."""
        ...

    async def depth(self, queue: str) -> int:
        """How many messages wait for a consumer."""
        ...

    async def close(self) -> None: ...
