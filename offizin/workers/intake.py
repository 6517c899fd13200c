"""What comes to a worker by its queues: what may begin, and what must be claimed before."""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Sequence

import msgspec

from offizin.brokers.broker import Delivery
from offizin.messages import AttemptName, Claimed, decode_ticket
from offizin.workers.membership import Claims, Held, Membership

log = logging.getLogger(__name__)


class Intake:
    """``in_hand`` tells all that this worker has."""

    def __init__(self, membership: Membership, in_hand: Callable[[], Container[AttemptName]]) -> None:
        self._membership = membership
        self._in_hand = in_hand
        self._claims = Claims()

    def received(self, processor: str, deliveries: Sequence[Delivery]) -> list[Held]:
        """What may begin. The rest is claimed, refused because nobody can read it, or a copy."""
        free: list[Held] = []
        claims: dict[str, list[AttemptName]] = {}
        number = self._claims.next_number()
        for delivery in deliveries:
            try:
                ticket = decode_ticket(delivery.message.body)
            except msgspec.DecodeError as error:
                log.error("a message on the queue of %s cannot be read: %s", processor, error)
                delivery.refuse()
                continue
            held = Held(delivery, ticket, self._membership.session)
            if not self._membership.must_claim(delivery):
                free.append(held)
            elif held.name in self._claims or held.name in self._in_hand():
                delivery.acknowledge()  # we have it, or ask for it: this is a copy
            else:
                self._claims.add(held, number)
                claims.setdefault(held.server, []).append(held.name)
        for server, attempts in claims.items():
            self._membership.claim(server, attempts, number)
        return free

    def answered(self, answer: Claimed) -> list[Held]:
        """The server's word on what had to be claimed: what may begin."""
        for held in self._claims.answered(answer.refused, answer.number):
            held.delivery.acknowledge()
        may_begin = self._claims.answered(answer.granted, answer.number)
        for held in may_begin:
            held.taken = True
            held.delivery.acknowledge()
        return may_begin

    def claim_again(self) -> None:
        """Ask once more for everything that no answer has come for."""
        number = self._claims.next_number()
        for server, attempts in self._claims.by_server().items():
            self._membership.claim(server, attempts, number)
