"""Who does the work, as the scheduler sees it: slots in this process, or workers anywhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Protocol

from offizin.brokers.broker import Broker, Message, Subscription
from offizin.messages import AttemptName
from offizin.processors.tool_description import ToolDescription
from offizin.scheduling.contexts import Contexts
from offizin.scheduling.dispatch import Dispatcher
from offizin.scheduling.dispatched import Dispatched
from offizin.scheduling.lanes import Lanes
from offizin.scheduling.mets_servers import MetsServers
from offizin.scheduling.retry_policy import Limits
from offizin.scheduling.sending import Sender, Sending
from offizin.store.transaction import Database
from offizin.tallies import Tallies


class Processors(Protocol):
    """Which processors there are, and what they say of themselves. Methods raise ProcessorUnknown."""

    def names(self) -> list[str]: ...

    def require(self, name: str) -> None: ...

    async def describe(self, name: str) -> ToolDescription: ...

    async def describe_all(self) -> list[ToolDescription]: ...

    async def version(self, name: str) -> str: ...

    async def close(self) -> None: ...


@dataclass(frozen=True)
class Scheduler:
    """What a workforce needs of the scheduler. ``run_over``, ``changed``, ``listen`` as in Completion."""

    server: int
    database: Database
    dispatcher: Dispatcher
    sending: Sending
    lanes: Lanes
    contexts: Contexts
    limits: Limits
    tallies: Tallies
    run_over: Callable[[int], None]
    changed: Callable[[], None]
    listen: Callable[[str], Awaitable[Subscription]]
    mets_servers: MetsServers


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """What a server that is dead had in flight: jobs of one page, and pieces ``(job, number)``. All that it owned is
    ours now; nobody has heard how these ended."""

    server: str
    jobs: frozenset[int]
    pieces: frozenset[tuple[int, int]]


@dataclass(frozen=True)
class WorkerSeen:
    """A worker as this server has heard of it. ``processors``: how many pieces of each it works on at once;
    ``heard_at`` in seconds since the epoch; ``resting``: it begins nothing, and has given back what had not begun;
    ``held``: what it said last that it has, besides what the database knows. ``rests_with``: processors it does not
    begin with. ``session`` is empty for the slots in this process."""

    session: str
    host: str
    pid: int
    processors: dict[str, int]
    heard_at: float
    resting: bool
    held: frozenset[AttemptName] = field(default_factory=frozenset)
    rests_with: frozenset[str] = frozenset()


class Workforce(Protocol):
    @property
    def broker(self) -> Broker: ...

    @property
    def sender(self) -> Sender: ...

    @property
    def processors(self) -> Processors: ...

    def slots(self, processor: str) -> int:
        """How many pieces of it can be worked on at once (0: by nobody now)."""
        ...

    async def serve(self, processor: str) -> None:
        """Make sure that somebody listens to the processor's queue. Raises Unavailable."""
        ...

    def learn(self, processor: str) -> None:
        """Have it loaded, so that it says what it is."""
        ...

    def cancel(self, job: str) -> None:
        """End what is done for this job."""
        ...

    def pause(
        self, processors: Collection[str], hosts: Collection[str], places: Collection[tuple[str, str]] = ()
    ) -> None:
        """These, and no others, begin nothing from now on; nor do these processors on these hosts (``places``)."""
        ...

    def workers(self) -> list[WorkerSeen]:
        """All that live."""
        ...

    def host_of(self, session: str) -> str:
        """Where that worker is, or was; empty if that is not known."""
        ...

    def follow_log(self, job: str) -> None:
        """Somebody reads the log of this job now: have what is written sent here. To be called again and again."""
        ...

    def fingerprint(self, processor: str) -> str:
        """Something that changes when its program does. Raises ProcessorUnknown."""
        ...

    def loaded(self) -> list[tuple[str, int, bool]]:
        """``(processor, process id, busy)`` of the runners in this process."""
        ...

    def takes(self, piece: Dispatched, session: str) -> bool:
        """A worker's session (empty: in this process) says that it has taken this over; whether that holds."""
        ...

    def heard(self, message: Message) -> None:
        """What workers say of themselves. Raises msgspec.DecodeError."""
        ...

    async def attend(self, scheduler: Scheduler) -> None:
        """The scheduler is there; nothing has been dispatched or heard yet."""
        ...

    async def inherit(self, scheduler: Scheduler, left: LeftBehind) -> None:
        """Take up what a dead server had in flight. Raises Unavailable; then it can be called again."""
        ...

    def renew(self, lease: float) -> None:
        """This server lives, and others that would take over wait for so many seconds from now: nothing that is done
        in its process may begin or be written later."""
        ...

    async def abandon(self) -> None:
        """Another server does our work: end what is done for it in this process, at once."""
        ...

    async def stop(self) -> None:
        """Nothing is dispatched any more: let what has begun finish for a while."""
        ...

    async def leave(self, scheduler: Scheduler) -> None:
        """All that came has been taken in; let go of the rest."""
        ...
