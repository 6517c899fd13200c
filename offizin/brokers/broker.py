"""What a broker must do: four methods, the same for the queue inside the process and for RabbitMQ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

RESULTS = "offizin.results"
# Where workers introduce themselves, to whichever server reads it first.
HELLO = "offizin.hello"
_CONTROL = "offizin.control."
# Where messages end that nobody can read, or that came back too often. Bounded: the oldest go first.
DEAD_LETTERS = "offizin.dead-letters"
MOST_DEAD_LETTERS = 10_000


def queue_of(processor: str) -> str:
    """The name of a processor's queue. Never the plain name, which stock workers declare in their own way."""
    return f"offizin.{processor}"


def results_of(server: str) -> str:
    """The queue of what workers tell a server; the one inside a server's own process has no name."""
    return f"{RESULTS}.{server}" if server else RESULTS


def control_of(session: str) -> str:
    """The queue of orders to one worker."""
    return f"{_CONTROL}{session}"


def is_control(queue: str) -> bool:
    return queue.startswith(_CONTROL)


class Kind(StrEnum):
    """What a message's body is: a struct of ``offizin.messages``."""

    # from server to worker
    PIECE = "piece"
    WELCOME = "welcome"
    ASK = "ask"
    CLAIMED = "claimed"
    END = "end"
    LOAD = "load"
    PAUSE = "pause"
    FOLLOW = "follow"
    # from worker to server
    TAKEN = "taken"
    RESULT = "result"
    LOADED = "loaded"
    UNLOADABLE = "unloadable"
    HELLO = "hello"
    HEARTBEAT = "heartbeat"
    CLAIM = "claim"
    GOODBYE = "goodbye"
    LOG = "log"
    # from a server to itself
    TICK = "tick"
    MARK = "mark"


@dataclass(frozen=True, slots=True)
class Message:
    """An encoded message: ``body`` is JSON, opened only at its destination (docs/messages.md).

    ``again``: the same message may have been published before, so this one comes as if redelivered. ``sender`` is the
    server that it comes from, or in results the worker's session; empty inside one process. ``generation`` grows
    whenever that server has to publish again what may be there already, so that a receiver can tell what was sent
    before that.
    """

    kind: Kind
    body: bytes
    again: bool = False
    sender: str = ""
    generation: int = 0


class Delivery(Protocol):
    """A message in the hands of a consumer, which owes the broker an answer."""

    message: Message
    redelivered: bool

    @property
    def lost(self) -> bool:
        """Somebody else gets it, because the subscription or the connection ended before an answer was given. From then
        on, an answer changes nothing."""
        ...

    def acknowledge(self) -> None:
        """It is taken care of, for good."""
        ...

    def hand_back(self) -> None:
        """Somebody else shall have it; it comes redelivered."""
        ...

    def refuse(self) -> None:
        """Nobody can read it: it goes to the dead letters."""
        ...


class Subscription(Protocol):
    async def cancel(self) -> None:
        """No more deliveries; what was not answered is delivered again, to somebody."""
        ...


class Broker(Protocol):
    """Queues are made when they are needed. A control queue (``control_of``) belongs to its one consumer: it is there
    as long as that listens, and what is published to one that is not there is dropped."""

    async def publish(self, queue: str, messages: Sequence[Message]) -> None:
        """Returns when the broker has them. Raises Unavailable when it cannot be reached: it may have some of them
        then, so who publishes them again says so (``Message.again``)."""
        ...

    async def consume(self, queue: str, prefetch: int, deliver: Callable[[list[Delivery]], None]) -> Subscription:
        """Call ``deliver`` in the event loop with what has arrived, in order; at most ``prefetch`` stay unanswered."""
        ...

    async def depth(self, queue: str) -> int:
        """How many messages wait for a consumer."""
        ...

    async def close(self) -> None: ...
