"""What runners have said of their processors: kept in the database, by the program's fingerprint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from offizin.clock import Clock
from offizin.errors import OffizinError
from offizin.messages import Handshake
from offizin.store import processors
from offizin.store.processors import Learned
from offizin.store.transaction import Database

# How long a look at a program's file is good for, in seconds.
LOOK = 1.0


class LearnedProcessors:
    """``fingerprint(processor)`` changes when the program does (raises ProcessorUnknown when it is gone)."""

    def __init__(self, database: Database, fingerprint: Callable[[str], str], clock: Clock) -> None:
        self._database = database
        self._fingerprint = fingerprint
        self._clock = clock
        self._looked: dict[str, tuple[float, bool]] = {}
        self._known: dict[str, Learned] = {}
        self._unloadable: set[str] = set()
        self._insatiable: set[str] = set()  # a slice does not suffice for these

    async def start(self) -> None:
        self._known = await self._database.read(processors.all_learned)

    async def stop(self) -> None:
        """Nothing runs."""

    def independent_pages(self, processor: str) -> bool | None:
        """Whether a job of many pages may be cut into pieces; None when nobody knows yet."""
        if processor in self._unloadable:
            return False
        found = self._current(processor)
        return None if found is None else found.independent_pages

    def full_mets(self, processor: str) -> bool:
        found = self._current(processor)
        return processor in self._insatiable or (found is not None and found.full_mets)

    def plain(self, processor: str) -> bool | None:
        """Whether it is called for each piece, as no runner begins in it; None when nobody knows yet."""
        found = self._current(processor)
        return None if found is None else found.plain

    def version(self, processor: str) -> str:
        found = self._known.get(processor)
        return found.version if found else ""

    def present_version(self, processor: str) -> str | None:
        """Of the program that is there now; None when nobody knows it yet."""
        found = self._current(processor)
        return None if found is None else found.version

    def step(self, processor: str) -> str:
        found = self._known.get(processor)
        return found.step if found else ""

    async def heard(self, handshake: Handshake) -> None:
        self._unloadable.discard(handshake.processor)
        try:
            fingerprint = self._fingerprint(handshake.processor)
        except OffizinError:
            return
        before = self._known.get(handshake.processor)
        same_program = before is not None and before.fingerprint == fingerprint
        if not same_program:
            self._insatiable.discard(handshake.processor)
        learned = Learned(
            name=handshake.processor,
            fingerprint=fingerprint,
            version=handshake.version,
            step=handshake.step,
            independent_pages=handshake.independent_pages,
            full_mets=before is not None and same_program and before.full_mets,
            plain=handshake.plain,
        )
        if learned != before:
            await self._put(learned)

    def did_not_load(self, processor: str) -> None:
        """Until it loads, its jobs go out whole, and fail with what the program said."""
        self._unloadable.add(processor)

    def wants_full_mets(self, processor: str) -> None:
        """A slice did not suffice: from now on, whatever else is known of it. ``remember`` writes it down."""
        self._insatiable.add(processor)

    async def remember(self, processor: str) -> None:
        found = self._known.get(processor)
        if found is not None and processor in self._insatiable and not found.full_mets:
            await self._put(replace(found, full_mets=True))

    async def _put(self, learned: Learned) -> None:
        before = self._known.get(learned.name)
        self._known[learned.name] = learned
        self._looked.pop(learned.name, None)
        try:
            await self._database.write(lambda tx: processors.put(tx, learned))
        except OffizinError:
            if before is None:
                del self._known[learned.name]
            else:
                self._known[learned.name] = before
            raise

    def _current(self, processor: str) -> Learned | None:
        """What is known, if it is of the program that is there now."""
        found = self._known.get(processor)
        if found is None:
            return None
        at, same = self._looked.get(processor, (-LOOK, False))
        now = self._clock.monotonic()
        if now - at >= LOOK:
            try:
                same = found.fingerprint == self._fingerprint(processor)
            except OffizinError:
                same = False
            self._looked[processor] = (now, same)
        return found if same else None
