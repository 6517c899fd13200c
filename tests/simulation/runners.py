"""Simulated runners: what a processor does with a piece, told to the real slots and pool in the runner's own words."""

from __future__ import annotations

import asyncio
import contextvars
import signal
from collections import deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec

from offizin.errors import ProcessorUnloadable, RunnerLost
from offizin.messages import Cause, File, Handshake, PageOutcome, Piece, Result, decode_piece, encode
from offizin.workers.runner_process import Reported, RunnerEvent, Started
from tests.simulation.chances import Chances
from tests.simulation.virtual_loop import INSTANT, Killed, Life

TIME_LIMIT = 3.0
# So long a model is there, or not.
MODEL_SECONDS = 2.0


@dataclass(frozen=True)
class Kind:
    """What a processor is like: whether its pages are independent, what it wants, and how long a page takes."""

    independent_pages: bool = True
    wants_full_mets: bool = False
    seconds: float = 0.02


PROCESSORS = {
    "ocrd-seg": Kind(seconds=0.002),
    "ocrd-rec": Kind(seconds=0.3),
    "ocrd-book": Kind(independent_pages=False, seconds=0.05),
    "ocrd-old": Kind(independent_pages=False, wants_full_mets=True, seconds=0.01),
}


class Witness(Protocol):
    """Sees every attempt begin and end."""

    def begins(self, piece: Piece) -> None: ...

    def ends(self, piece: Piece) -> None: ...

    def works(self, what: str) -> None: ...


class SimulatedRunner:
    """Has the face of RunnerProcess."""

    def __init__(
        self, processor: str, chances: Chances, witness: Witness, life: Life, pid: int, own: Life | None = None
    ) -> None:
        """``own``: a life of its own, which goes on while its worker sleeps."""
        self.pid = pid
        self.memory = None
        self.handshake = Handshake(
            processor=processor, version="1.0", ocrd_version="3", step="layout",
            independent_pages=PROCESSORS[processor].independent_pages, pid=pid,
        )  # fmt: skip
        self._kind = PROCESSORS[processor]
        self._chances = chances
        self._witness = witness
        self._life = life
        self._deadline: float | None = None
        self._barred = False  # its deadline has passed: it writes no more
        self._pieces: deque[Piece] = deque()
        self._wakened = asyncio.Event()
        self._leaving = False
        self._doing: Piece | None = None
        self._ended = False
        self._events: list[RunnerEvent] = []
        self._arrived = asyncio.Event()
        self._last_at = 0.0  # when what was said before is heard
        self._gone: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        loop = asyncio.get_running_loop()
        self._work = loop.live(own, self._do_all()) if own else loop.create_task(self._do_all())  # type: ignore[attr-defined]

    # What the pool and its slots call.

    def send(self, piece: bytes) -> None:
        if not self._ended:
            self._pieces.append(decode_piece(piece))
            self._wakened.set()

    def renew(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._deadline = loop.time() + seconds
        # it is its own process that looks at the time
        loop.call_at(self._deadline, self._look_at_the_time, context=contextvars.Context())

    def _look_at_the_time(self) -> None:
        if self._deadline is not None and asyncio.get_running_loop().time() >= self._deadline - INSTANT:
            self._barred = True
            if self._doing is not None:
                self._witness.ends(self._doing)

    def pause(self, seconds: float) -> None:
        """Events come one by one here anyway."""

    async def events(self) -> AsyncGenerator[list[RunnerEvent], None]:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            if self._events:
                events, self._events = self._events, []
                yield events
            if self._gone.done():
                return

    async def stop(self, grace: float) -> None:
        self._leaving = True
        self._wakened.set()
        await asyncio.wait({self._gone}, timeout=grace)
        self.kill()
        await self.wait()

    def kill(self) -> None:
        self._end(-signal.SIGKILL)

    def vanish(self) -> None:
        """It is killed with its worker: nobody hears of it."""
        self._ended = True
        if self._doing is not None:
            self._witness.ends(self._doing)
            self._doing = None

    async def wait(self) -> int:
        return await asyncio.shield(self._gone)

    # What the processor does.

    def _end(self, code: int) -> None:
        """At once; but what it has said is still heard before its end is."""
        if self._ended:
            return
        self._ended = True
        self._work.cancel()
        if self._doing is not None:
            self._witness.ends(self._doing)
            self._doing = None
        self._say(None, code)

    def _say(self, event: RunnerEvent | None, code: int = 0) -> None:
        loop = asyncio.get_running_loop()
        # Timers of one instant come in any order.
        self._last_at = max(self._last_at + INSTANT, loop.time() + self._chances.seconds("runner", 0.01))
        loop.call_at(self._last_at, self._hear, event, code, context=self._life.context.copy())

    def _hear(self, event: RunnerEvent | None, code: int) -> None:
        self._witness.works("reports")
        if event is None:
            self._gone.set_result(code)
        else:
            self._events.append(event)
        self._arrived.set()

    async def _do_all(self) -> None:
        try:
            while True:
                while not self._pieces:
                    if self._leaving:
                        self._end(0)
                        return
                    self._wakened.clear()
                    await self._wakened.wait()
                await self._do(self._pieces.popleft())
        except _Ended as end:
            self._end(end.code)

    async def _do(self, piece: Piece) -> None:
        if self._barred:
            self._say(Started())
            result = Result(piece.job, piece.attempt, piece.piece, cause=Cause.EXCEPTION, message="deadline passed")
            self._say(Reported(True, encode(result)))
            return
        self._doing = piece
        self._witness.begins(piece)
        self._say(Started())
        outcomes: list[PageOutcome] = []
        result = Result(piece.job, piece.attempt, piece.piece)
        began = asyncio.get_running_loop().time()
        if len(piece.slice.pages) > 1 and self._chances.happens("a piece fails before its first page"):
            result = msgspec.structs.replace(
                result, cause=Cause.EXCEPTION, before_first_page=True, message="not unique"
            )
        elif self._kind.wants_full_mets and not piece.full_mets:
            result = msgspec.structs.replace(
                result, cause=Cause.EXCEPTION, missing_attribute="physical_pages", message="no physical_pages"
            )
        else:
            for page in piece.slice.pages:
                await asyncio.sleep(self._chances.stream("work").random() * 2 * self._kind.seconds)
                await self._trouble()
                self._witness.works("pages")
                if self._barred:
                    outcomes.append(PageOutcome(page, cause=Cause.EXCEPTION, message="deadline passed"))
                    continue
                if not self._chances.happens("a page is forgotten"):
                    outcomes.append(self._page(piece, page))
                if len(piece.slice.pages) > 1 and self._chances.stream("work").random() < 0.3:
                    self._say(Reported(False, encode(msgspec.structs.replace(result, pages=outcomes, end=False))))
                    outcomes = []
        seconds = asyncio.get_running_loop().time() - began
        self._witness.ends(piece)
        self._doing = None
        if len(piece.slice.pages) > 1 and self._chances.happens("a processor ends after its last page"):
            self._say(Reported(False, encode(msgspec.structs.replace(result, pages=outcomes, end=False))))
            raise _Ended(1)
        self._say(Reported(True, encode(msgspec.structs.replace(result, pages=outcomes, seconds=seconds))))

    async def _trouble(self) -> None:
        if self._chances.happens("a processor hangs"):
            await asyncio.sleep(1e6)
        if self._chances.happens("a processor crashes"):
            raise _Ended(-signal.SIGSEGV if self._chances.stream("work").random() < 0.5 else 1)
        if self._chances.happens("a runner is killed from outside"):
            raise _Ended(-signal.SIGKILL)

    def _page(self, piece: Piece, page: str) -> PageOutcome:
        have = {file.file_grp for file in piece.slice.files if file.page_id == page}
        if piece.refuse_existing and have & set(piece.output_file_grps):
            return PageOutcome(page, cause=Cause.BAD_OUTPUT, message="OTHER output is there", existed=True)
        if piece.copy_input and have & set(piece.input_file_grps):
            return PageOutcome(page, [output(piece, group, page) for group in piece.output_file_grps])
        if have >= set(piece.output_file_grps) and not piece.overwrite:
            return PageOutcome(page, existed=True)
        if not have & set(piece.input_file_grps):
            return PageOutcome(page, cause=Cause.NO_INPUT, message="no input")
        while_it_is_gone = f"{piece.processor} {int(asyncio.get_running_loop().time() / MODEL_SECONDS)}"
        if self._chances.is_so("a model is gone for a while", while_it_is_gone):
            return PageOutcome(page, cause=Cause.MODEL_MISSING, message="no model")
        if self._chances.is_so("a page fails", f"{piece.processor} {piece.output_file_grps} {page}"):
            return PageOutcome(page, cause=Cause.EXCEPTION, message="never works")
        if self._chances.happens("a page fails once"):
            return PageOutcome(page, cause=Cause.EXCEPTION, message="does not work now")
        if self._chances.happens("a disk is full"):
            return PageOutcome(page, cause=Cause.DISK_FULL, message="no space left")
        if self._chances.happens("a page has bad output"):
            return PageOutcome(page, [output(piece, "OTHER", page)])
        return PageOutcome(page, [output(piece, group, page) for group in piece.output_file_grps])


def output(piece: Piece, group: str, page: str) -> File:
    """The name is the same whoever makes it; the address tells which attempt it was."""
    url = f"https://example.org/{piece.job}/{piece.attempt}/{piece.piece}"
    return File(f"{group}_{page}", group, "text/xml", page, url=url)


class _Ended(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class RunnerStarter:
    """Has the face of ``RunnerProcess.start``."""

    def __init__(
        self,
        chances: Chances,
        witness: Witness,
        life: Life,
        started: Callable[[], int],
        own: Callable[[], Life] | None = None,
    ) -> None:
        self._own = own
        self._chances = chances
        self._witness = witness
        self._life = life
        self._started = started
        self.runners: list[SimulatedRunner] = []

    async def __call__(self, executable: Path, **_settings: Any) -> SimulatedRunner:
        await asyncio.sleep(self._chances.stream("load").random() * 0.5)
        if self._life.ended:
            raise Killed
        if self._chances.happens("a runner does not load"):
            lost = self._chances.stream("load").random() < 0.5
            raise RunnerLost("killed while it loaded") if lost else ProcessorUnloadable("it ended")
        own = self._own() if self._own is not None else None
        runner = SimulatedRunner(executable.name, self._chances, self._witness, self._life, self._started(), own)
        self.runners.append(runner)
        return runner
