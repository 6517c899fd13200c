"""How a message travels in RabbitMQ: docs/messages.md. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pamqp.commands import Basic
from pamqp.common import FieldTable

from offizin.brokers.broker import Kind, Message
from offizin.messages import ENVELOPE_VERSION

PERSISTENT = 2
CONTENT_TYPE = "application/json"
APPLICATION = "offizin"


class Unreadable(Exception):
    """The envelope is not ours, or of a version that is not ours."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message on its way. ``id`` stays the same when it is sent once more."""

    id: str
    message: Message

    def once_more(self) -> Letter:
        return replace(self, message=replace(self.message, again=True))

    def properties(self) -> Basic.Properties:
        headers: FieldTable = {"kind": self.message.kind.value, "version": ENVELOPE_VERSION}
        if self.message.again:
            headers["again"] = True
        if self.message.sender:
            headers["sender"] = self.message.sender
            headers["generation"] = self.message.generation
        return Basic.Properties(
            content_type=CONTENT_TYPE,
            headers=headers,
            delivery_mode=PERSISTENT,
            message_id=self.id,
            app_id=APPLICATION,
        )


def read(properties: Basic.Properties, body: bytes) -> Message:
    """Raises Unreadable."""
    headers = properties.headers or {}
    version, kind = headers.get("version"), headers.get("kind")
    sender, generation = headers.get("sender"), headers.get("generation")
    if version != ENVELOPE_VERSION:
        raise Unreadable(f"its version is {version!r}, and this Offizin reads {ENVELOPE_VERSION}")
    try:
        return Message(
            Kind(str(kind)),
            body,
            again=headers.get("again") is True,
            sender=sender if isinstance(sender, str) else "",
            generation=generation if isinstance(generation, int) else 0,
        )
    except ValueError:
        raise Unreadable(f"its kind is {kind!r}") from None
