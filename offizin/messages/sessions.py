"""What workers and servers say to each other about the worker itself: that it lives, what it holds, what it may do.

A worker has a *session* for as long as its lease holds. All times are seconds.
"""

from __future__ import annotations

import msgspec


class AttemptName(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One attempt at a piece."""

    job: str
    attempt: int
    piece: int


class Tool(msgspec.Struct, frozen=True):
    """What a processor says of itself: its version, its entry of ocrd-tool.json, and something that changes when its
    program does."""

    processor: str
    fingerprint: str
    version: str
    description: msgspec.Raw


class Hello(msgspec.Struct, frozen=True):
    """A new worker introduces itself; ``processors``: how many pieces of each it works on at once."""

    session: str
    host: str
    pid: int
    processors: dict[str, int]
    tools: list[Tool]


class Heartbeat(msgspec.Struct, frozen=True):
    """A worker lives, and ``held`` is all that it has in its hands. ``generation`` and ``asked`` are the highest that
    it had heard of this server when it looked; ``paused``: it begins nothing, and has given back what it had not begun;
    ``paused_processors``: it is so with these.
    """

    session: str
    host: str
    pid: int
    processors: dict[str, int]
    held: list[AttemptName]
    generation: int
    asked: int
    paused: bool = False
    paused_processors: list[str] = []


class Claim(msgspec.Struct, frozen=True):
    """A worker asks whether it may begin with what may have been given to somebody before. ``number`` grows with each
    question of the session."""

    session: str
    attempts: list[AttemptName]
    number: int = 0


class Goodbye(msgspec.Struct, frozen=True):
    """A worker has ended; it holds nothing any more."""

    session: str


class ServerName(msgspec.Struct, frozen=True):
    """A server, and what it publishes now."""

    name: str
    generation: int


class Welcome(msgspec.Struct, frozen=True):
    """A worker may begin, unless it is ``paused``, but with ``paused_processors``. It must be heard by all these
    servers at least every ``heartbeat`` seconds, and ends its runners ``lease`` seconds after the last time."""

    servers: list[ServerName]
    heartbeat: float
    lease: float
    paused: bool = False
    paused_processors: list[str] = []


class Ask(msgspec.Struct, frozen=True, omit_defaults=True):
    """Send this server a heartbeat now, and from now on. ``dead``: servers whose work it has taken over, with the first
    generation that would be of a new start of theirs; what they sent before must be claimed, and they are told nothing.
    """

    server: str
    generation: int
    number: int
    dead: list[ServerName] = []


class Claimed(msgspec.Struct, frozen=True):
    """The answer to the claim of this number."""

    granted: list[AttemptName]
    refused: list[AttemptName]
    number: int = 0


class End(msgspec.Struct, frozen=True):
    """A job was cancelled: end what works on it."""

    job: str


class Load(msgspec.Struct, frozen=True):
    """Load a processor, and say what it is."""

    processor: str


class Pause(msgspec.Struct, frozen=True):
    """Begin nothing more, and give back what has not begun; or begin again, but with these ``processors``."""

    paused: bool
    processors: list[str] = []


class Follow(msgspec.Struct, frozen=True):
    """Somebody reads the log of a job: send what it has written, and what it writes within so many ``seconds``."""

    job: str
    seconds: float


class Tick(msgspec.Struct, frozen=True):
    """A server's message to itself: what was in its queue before this has been read. ``at``: on its monotonic clock,
    of this start (``generation``)."""

    generation: int
    at: float


class Mark(msgspec.Struct, frozen=True):
    """A server's message to itself: when it comes back, all has been read that was in that queue before it."""

    id: str
