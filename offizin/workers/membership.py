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

    ``servers`` gives their names; ``claim`` asks a server (by name) whether these attempts may begin, with a number
    that its answer bears, too; ``must_claim`` says which deliveries need that; ``lease_left`` is in seconds: when none
    is left, nothing may begin or be written. ``begins_paused``: nothing may begin before the worker is told so;
    ``begins_without``: nothing of these processors.
    """

    session: str = ""
    servers: Callable[[], Sequence[str]] = lambda: ("",)
    claim: Callable[[str, Sequence[AttemptName], int], None] = lambda _server, _attempts, _number: None
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
    server already. ``told``: what was reported of its pages so far, encoded."""

    delivery: Delivery
    ticket: PieceTicket
    session: str = ""
    noted: bool = False
    taken: bool = False
    cancelled: bool = False
    log_sent: int = 0
    told: list[bytes] = field(default_factory=list)

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
    with the connection. It may come twice, too, and late: only one to a question that was asked since the piece is here
    counts, for an earlier one was about a copy of it that is over."""

    _waiting: dict[AttemptName, tuple[Held, int]] = field(default_factory=dict)  # and the first question's number
    _asked: int = 0

    def __contains__(self, name: AttemptName) -> bool:
        return name in self._waiting

    def next_number(self) -> int:
        self._asked += 1
        return self._asked

    def add(self, held: Held, number: int) -> None:
        """It is asked for with the question of this number. Of two copies of a piece one is enough."""
        if (copy := self._waiting.get(held.name)) is not None:
            copy[0].delivery.acknowledge()
        self._waiting[held.name] = held, number

    def answered(self, attempts: Sequence[AttemptName], number: int) -> list[Held]:
        """Those of them that still wait, and were asked for with that question."""
        known = [name for name in attempts if name in self._waiting and self._waiting[name][1] <= number]
        return [self._waiting.pop(name)[0] for name in known]

    def by_server(self) -> dict[str, list[AttemptName]]:
        found: dict[str, list[AttemptName]] = {}
        for name, (held, _) in self._waiting.items():
            found.setdefault(held.server, []).append(name)
        return found
