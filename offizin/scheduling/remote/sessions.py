"""The sessions of workers that live, as far as this server has heard."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from offizin.clock import Clock
from offizin.messages import Ask, AttemptName, Heartbeat, ServerName

# Sessions whose hosts are remembered.
MOST_HOSTS = 10_000


@dataclass(slots=True, eq=False)
class LiveSession:
    """``heard_at`` is on this server's monotonic clock; ``held`` is what the worker said last that it has, ``paused``
    whether it begins nothing, ``paused_processors`` with which it does not begin."""

    id: str
    host: str
    pid: int
    processors: dict[str, int]
    heard_at: float
    generation: int = 0
    asked: int = 0
    held: frozenset[AttemptName] = field(default_factory=frozenset)
    paused: bool = False
    paused_processors: frozenset[str] = frozenset()


class Sessions:
    """``generation`` grows whenever this server has to publish again what may be there already; ``ask(session,
    message)`` sends an order. Heartbeats are read in the order they came, so is what the same worker said before them.
    """

    def __init__(self, server: str, incarnation: int, clock: Clock, ask: Callable[[str, Ask], None]) -> None:
        self.living: dict[str, LiveSession] = {}
        self.hosts: dict[str, str] = {}  # of these, and of the last ones that are no more
        self.server = server
        self.generation = incarnation << 20
        self.paused_processors: Collection[str] = ()
        self.paused_hosts: Collection[str] = ()
        self.paused_places: Collection[tuple[str, str]] = ()  # host and processor
        self.dead_servers: list[ServerName] = []  # whose work is ours; see Ask
        self._clock = clock
        self._ask = ask
        self._number = 0
        self._changed = asyncio.Event()

    def expect(self, session: str, host: str, pid: int, processors: Mapping[str, int]) -> LiveSession:
        """A worker that is said to live: from now on its silence counts."""
        found = self.living.get(session)
        if found is None:
            found = LiveSession(session, host, pid, dict(processors), self._clock.monotonic())
            self.living[session] = found
            self.hosts[session] = host
            if len(self.hosts) > MOST_HOSTS:
                self.hosts = {id_: at for id_, at in self.hosts.items() if id_ in self.living}
            self._send_ask(found)
        return found

    def heard(self, beat: Heartbeat) -> bool:
        """Whether this is the first that is heard of it."""
        is_new = beat.session not in self.living
        found = self.expect(beat.session, beat.host, beat.pid, beat.processors)
        found.processors = beat.processors
        found.heard_at = self._clock.monotonic()
        found.generation = max(found.generation, beat.generation)
        found.asked = max(found.asked, beat.asked)
        found.held = frozenset(beat.held)
        found.paused = beat.paused
        found.paused_processors = frozenset(beat.paused_processors)
        self._announce()
        return is_new

    def gone(self, session: str) -> LiveSession | None:
        found = self.living.pop(session, None)
        self._announce()
        return found

    def silent_since(self, at: float) -> list[LiveSession]:
        return [session for session in self.living.values() if session.heard_at < at]

    def holder(self, attempt: AttemptName) -> str | None:
        """The living session that said that it has this attempt."""
        return next((session.id for session in self.living.values() if attempt in session.held), None)

    def slots(self, processor: str) -> int:
        """How many pieces of it can be worked on at once."""
        if processor in self.paused_processors:
            return 0
        return sum(session.processors[processor] for session in self.serving(processor))

    def serving(self, processor: str) -> list[LiveSession]:
        """Those that may begin with it."""
        return [
            session
            for session in self.living.values()
            if processor in session.processors
            and session.host not in self.paused_hosts
            and (session.host, processor) not in self.paused_places
        ]

    def at_odds(self) -> list[LiveSession]:
        """Those that begin work and should not, or the other way round."""
        return [
            session
            for session in self.living.values()
            if (session.paused, session.paused_processors) != self.wanted(session.host)
        ]

    def wanted(self, host: str) -> tuple[bool, frozenset[str]]:
        """Whether workers there are to begin nothing, and with which processors not."""
        without = frozenset(processor for place, processor in self.paused_places if place == host)
        return host in self.paused_hosts, without

    def processors(self) -> set[str]:
        return {name for session in self.living.values() for name in session.processors}

    def renew_all(self) -> None:
        """Silence so far does not count: what they said may have been lost, or was not for us to hear."""
        for session in self.living.values():
            session.heard_at = self._clock.monotonic()

    def next_generation(self) -> None:
        """What was sent until now must be claimed from now on, by whoever knows of this."""
        self.generation += 1

    async def hear_all(self) -> None:
        """Ask every living session what it holds, and wait until each has answered or is gone. What they hold then
        they have begun, or may begin, knowing of the present generation."""
        self._number += 1
        number, generation = self._number, self.generation
        for session in self.living.values():
            self._send_ask(session)
        while self._unheard(number, generation):
            changed = self._changed
            await changed.wait()

    def ask_again(self) -> None:
        """Those that have not answered yet: an order may have been lost with its worker's connection."""
        for session in self._unheard(self._number, self.generation):
            self._send_ask(session)

    def _unheard(self, number: int, generation: int) -> Collection[LiveSession]:
        return [s for s in self.living.values() if s.asked < number or s.generation < generation]

    def _send_ask(self, session: LiveSession) -> None:
        self._ask(session.id, Ask(self.server, self.generation, self._number, self.dead_servers))

    def _announce(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def all_held(sessions: Iterable[LiveSession]) -> set[AttemptName]:
    return {attempt for session in sessions for attempt in session.held}
