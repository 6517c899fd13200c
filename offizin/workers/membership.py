"""What a pool of slots is to the servers it works for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

from offizin.brokers.broker import Delivery, Kind, Message
from offizin.messages import AttemptName, PieceTicket, decode_ticket


@dataclass(eq=False)
class Membership:
    """Inside a server's own process the defaults hold: one server without a name, and nobody else to take a piece.

    ``servers`` gives their names; ``claim`` asks a server (by name) whether these attempts may begin; ``must_claim``
    says which deliveries need that; ``lease_left`` is in seconds: when none is left, nothing may begin or be written.
    ``begins_paused``: nothing may begin before the worker is told so; ``begins_without``: nothing of these processors.
    """

    session: str = ""
    servers: Callable[[], Sequence[str]] = lambda: ("",)
    claim: Callable[[str, Sequence[AttemptName]], None] = lambda _server, _attempts: None
    must_claim: Callable[[Delivery], bool] = lambda _: False
    lease_left: Callable[[], float] = lambda: math.inf
    begins_paused: bool = False
    begins_without: frozenset[str] = frozenset()

    @property
    def may_work(self) -> bool:
        return self.lease_left() > 0


@dataclass(slots=True, eq=False)
class Held:
    """A piece on this worker: its delivery, and what must be known of it. ``taken``: the server knows that we have it,
    and the broker has forgotten it. ``log_sent``: so many bytes of its job's log are with the
    server already."""

    delivery: Delivery
    ticket: PieceTicket
    session: str = ""
    noted: bool = False
    taken: bool = False
    cancelled: bool = False
    log_sent: int = 0

    @classmethod
    def again(cls, piece: bytes, server: str, session: str) -> Self:
        """An encoded piece of that server, which an earlier process of this session has taken over."""
        delivery = TakenBefore(Message(Kind.PIECE, piece, sender=server))
        return cls(delivery, decode_ticket(piece), session, taken=True)

    @property
    def server(self) -> str:
        return self.delivery.message.sender

    @property
    def name(self) -> AttemptName:
        return AttemptName(self.ticket.job, self.ticket.attempt, self.ticket.piece)

    @property
    def gone(self) -> bool:
        """The broker gives it to somebody else: who has not begun with it must not begin."""
        return self.delivery.lost and not self.taken


@dataclass(slots=True, eq=False)
class TakenBefore:
    """The delivery of a piece that an earlier process of the same session has taken over: the broker has forgotten
    it."""

    message: Message
    redelivered: bool = False
    lost: bool = False

    def acknowledge(self) -> None:
        """That was done."""

    def hand_back(self) -> None:
        """The broker has it no more."""

    def refuse(self) -> None:
        """The broker has it no more."""


@dataclass(slots=True)
class Claims:
    """Pieces that wait for the server's word. They are asked for again and again until it comes: an answer may be lost
    with the connection."""

    _waiting: dict[AttemptName, Held] = field(default_factory=dict)

    def __contains__(self, name: AttemptName) -> bool:
        return name in self._waiting

    def add(self, held: Held) -> None:
        """Of two copies of a piece one is enough."""
        if (copy := self._waiting.get(held.name)) is not None:
            copy.delivery.acknowledge()
        self._waiting[held.name] = held

    def answered(self, attempts: Sequence[AttemptName]) -> list[Held]:
        """Those of them that still wait."""
        return [held for name in attempts if (held := self._waiting.pop(name, None)) is not None]

    def by_server(self) -> dict[str, list[AttemptName]]:
        found: dict[str, list[AttemptName]] = {}
        for name, held in self._waiting.items():
            found.setdefault(held.server, []).append(name)
        return found
