"""A piece on its way: what the server remembers of it until its result is taken in."""

from __future__ import annotations

from dataclasses import dataclass, field

from offizin.jobs import COPY_INPUT
from offizin.messages import AttemptName
from offizin.scheduling.contexts import StepContext
from offizin.scheduling.lanes import Lane
from offizin.scheduling.missing import Becomes
from offizin.store.holders import Hold


@dataclass(slots=True)
class Dispatched:
    """A piece that is out. ``pages`` are those that its attempt is to do."""

    seq: int
    id: str
    piece: int
    attempt: int
    of_many: bool
    context: StepContext
    pages: list[str]
    processor: str
    alone: bool
    tries: int
    overwrite: bool = False  # files that are there already; its job or its run says so
    holder: str | None = None  # the worker's session that has it, as far as it has said so
    ending: bool = False  # its result is being written down
    lost: bool = False  # it is about to wait again, as another attempt
    sent: bool = False  # to the broker, at least once
    full_mets: bool = False
    holds_files: bool = False  # it has added some through a METS server, which the database holds for it
    lane: Lane | None = None
    settled: set[str] = field(default_factory=set)  # pages of which results have come
    other_ways: dict[str, Becomes] = field(default_factory=dict)  # pages that are done in another way once it is over
    has_put_back: bool = False  # of these some are to be done again (scheduling.breaker)

    @property
    def name(self) -> AttemptName:
        return AttemptName(self.id, self.attempt, self.piece)

    @property
    def copies_input(self) -> bool:
        return self.context.alternative == COPY_INPUT

    def held_by(self, session: str) -> Hold:
        return Hold(self.seq, self.piece, self.attempt, self.of_many, session)
