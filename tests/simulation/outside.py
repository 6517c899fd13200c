"""What a simulated server meets outside of itself: database, broker, METS files, programs. Each takes its time, fails
now and then, and may be where the server is killed."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from offizin.brokers.broker import RESULTS, Delivery, Kind, Message, Subscription
from offizin.brokers.in_process import InProcessBroker
from offizin.errors import MetsChanged, MetsInvalid, ProcessorUnknown, Unavailable
from offizin.messages import Delta, File, decode_results, decode_taken
from offizin.mets.contents import Contents, as_indexed
from offizin.mets.index import MetsIndex
from offizin.mets.stamp import Stamp
from offizin.processors.tool_description import ToolDescription
from offizin.store.transaction import InlineDatabase, Transaction
from tests.simulation.chances import Chances
from tests.simulation.virtual_loop import INSTANT, Killed, Life

T = TypeVar("T")
PAUSE = 0.004


class Hooks:
    """What the parts of the world tell it: a step was taken, and whether the server dies of it."""

    def __init__(self, chances: Chances, kill: Callable[[str], None], committed: Callable[[str], None]) -> None:
        self.chances = chances
        self.kill = kill
        self.committed = committed
        self.counts: Counter[str] = Counter()


class SimulatedDatabase:
    """One life's way to the database, which outlives it. As on SQLite writers queue up, and who committed first goes on
    first."""

    shared = False
    writer = ""

    def __init__(self, inner: InlineDatabase, life: Life, hooks: Hooks) -> None:
        self._inner = inner
        self._life = life
        self._hooks = hooks
        self._writer = asyncio.Lock()

    async def write(self, work: Callable[[Transaction], T], *, synced: bool = False) -> T:
        chances = self._hooks.chances
        result: list[T] = []

        def of_a_living_server(tx: Transaction) -> None:
            result.append(work(tx))
            if self._life.ended:
                raise Killed
            if chances.happens("a transaction fails"):
                raise sqlite3.OperationalError("database or disk is full")

        async with self._writer:
            await asyncio.sleep(chances.seconds("database", PAUSE))
            self._die_maybe(f"before {_name(work)}")
            await self._inner.write(of_a_living_server)
            self._hooks.committed(_name(work))
        self._die_maybe(f"after {_name(work)}")
        # A thread's result comes back in a later turn of the loop, in the order of the commits.
        await _turn()
        return result[0]

    async def read(self, work: Callable[[Transaction], T]) -> T:
        await asyncio.sleep(self._hooks.chances.seconds("database", PAUSE))
        if self._life.ended:
            raise Killed

        def or_not(tx: Transaction) -> T:
            if self._hooks.chances.happens("a look into the database fails"):
                raise sqlite3.OperationalError("disk I/O error")
            return work(tx)

        self._hooks.counts["looks into the database"] += 1
        found = await self._inner.read(or_not)
        await _turn()
        return found

    async def close(self) -> None:
        """The next life goes on with it."""

    def _die_maybe(self, where: str) -> None:
        if self._life.ended:
            raise Killed
        if self._hooks.chances.happens("the server is killed"):
            self._hooks.kill(where)
            raise Killed


async def _turn() -> None:
    turned = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(turned.set_result, None)
    await turned


def _name(work: Callable[..., Any]) -> str:
    return getattr(work, "__qualname__", repr(work)).replace(".<locals>", "").replace(".<lambda>", "")


class SimulatedBroker:
    """The broker inside the process, with delays: messages of different pieces overtake each other, results come twice
    or, as when it comes back empty, are gone. ``late`` takes what may come to the next server."""

    def __init__(self, life: Life, hooks: Hooks, late: Callable[[Message], None], lost: Callable[[str], None]) -> None:
        self._inner = InProcessBroker()
        self._life = life
        self._hooks = hooks
        self._late = late
        self._lost = lost
        self._free_at: dict[object, float] = {}  # when what was sent about a piece before has arrived

    async def publish(self, queue: str, messages: Sequence[Message]) -> None:
        chances = self._hooks.chances
        await asyncio.sleep(chances.seconds("broker", PAUSE))
        if self._life.ended:
            raise Killed
        if chances.happens("publishing fails"):
            raise Unavailable("the broker cannot be reached")
        for message in messages:
            self._send(queue, message)

    def _send(self, queue: str, message: Message) -> None:
        loop, chances = asyncio.get_running_loop(), self._hooks.chances
        about = _about(message)
        free_at = max(self._free_at.get(each, 0.0) for each in about)
        at = max(loop.time() + chances.seconds("broker", PAUSE), free_at + INSTANT)
        self._free_at.update(dict.fromkeys(about, at))
        if queue != RESULTS:
            if chances.happens("a piece is lost with the broker"):
                self._lost("a piece")
            else:
                loop.call_at(at, self._put, queue, message)
            return
        if message.kind is Kind.RESULT:
            if chances.happens("a result is lost with the broker"):
                self._lost("a result")
                return
            if chances.happens("a result comes twice"):
                loop.call_at(at + chances.seconds("doubles", 5.0), self._put, queue, message)
            if chances.happens("a result of a dead server comes late"):
                self._late(message)
        loop.call_at(at, self._put, queue, message)

    def put(self, message: Message) -> None:
        """From an earlier life."""
        self._put(RESULTS, message)

    def _put(self, queue: str, message: Message) -> None:
        self._hooks.counts["deliveries"] += 1
        self._inner._queue(queue).put([message])

    async def consume(self, queue: str, prefetch: int, deliver: Callable[[list[Delivery]], None]) -> Subscription:
        return await self._inner.consume(queue, prefetch, deliver)

    async def depth(self, queue: str) -> int:
        return await self._inner.depth(queue)

    async def close(self) -> None:
        await self._inner.close()


def _about(message: Message) -> list[object]:
    """Messages about one piece stay in order, as one worker sends them; others need not."""
    if message.kind is Kind.RESULT:
        return [(result.job, result.piece) for result in decode_results(message.body)]
    if message.kind is Kind.TAKEN:
        taken = decode_taken(message.body)
        return [(taken.job, taken.piece)]
    return [message.kind]


@dataclass(frozen=True)
class SimulatedStamp(Stamp):
    """``digest`` is the file's version."""

    files: Any = field(default=None, compare=False, repr=False)

    def still_holds(self, path: Path) -> bool:
        return bool(self.files.version(path) == self.digest)


@dataclass
class MetsFile:
    """What stands in one mets.xml."""

    pages: list[str]
    files: dict[tuple[str, str | None, str], File]
    agents: set[str] = field(default_factory=set)
    version: int = 1

    @classmethod
    def with_images(cls, pages: list[str]) -> MetsFile:
        images = [File(f"IMG_{page}", "IMG", "image/png", page, url="https://example.org/") for page in pages]
        return cls(pages, {(image.file_grp, image.page_id, image.id): image for image in images})

    def apply(self, delta: Delta) -> bool:
        """Whether anything changed. Written without a look at how the real one does it."""
        before = (dict(self.files), set(self.agents))
        if delta.overwrite:
            places = {(file.file_grp, file.page_id) for file in delta.files}
            self.files = {key: file for key, file in self.files.items() if key[:2] not in places}
        for file in delta.files:
            self.files.setdefault((file.file_grp, file.page_id, file.id), as_indexed(file))
        self.agents |= {agent.id for agent in delta.agents}
        return before != (self.files, self.agents)

    def names(self, group: str, page: str | None) -> list[str]:
        return [key[2] for key in self.files if key[:2] == (group, page)]

    def copy(self) -> MetsFile:
        return MetsFile(list(self.pages), dict(self.files), set(self.agents), self.version)


class MetsFiles:
    """All mets.xml of a world, by path."""

    def __init__(self, chances: Chances) -> None:
        self.books: dict[Path, MetsFile] = {}
        self._chances = chances

    def version(self, path: Path) -> str:
        return str(self.books[path].version)

    def stamp(self, path: Path) -> SimulatedStamp:
        return SimulatedStamp(1, 1, 1, self.version(path), files=self)

    def read(self, path: Path) -> MetsIndex:
        if self._chances.happens("a METS cannot be read"):
            raise MetsInvalid(f"{path} cannot be read: Input/output error")
        book = self.books[path]
        groups = list(dict.fromkeys(key[0] for key in book.files))
        contents = Contents(list(book.pages), groups, list(book.files.values()), None, {}, frozenset(book.agents))
        return MetsIndex(path, self.stamp(path), contents)

    def save(self, path: Path, deltas: Sequence[Delta], known: Stamp) -> Stamp:
        if self._chances.happens("saving a METS fails"):
            raise OSError(28, "No space left on device")
        book = self.books[path]
        if known.digest != self.version(path):
            raise MetsChanged(f"{path} was changed by somebody else")
        changed = [book.apply(delta) for delta in deltas]
        book.version += any(changed)
        return self.stamp(path)

    def write_from_outside(self, path: Path) -> None:
        """Somebody else adds a file."""
        book = self.books[path]
        book.version += 1
        foreign = File(f"FOREIGN_{book.version}", "FOREIGN", "text/plain", None, url="https://example.org/")
        book.files["FOREIGN", None, foreign.id] = foreign


class Programs:
    """The processors that are installed: a stand-in for Discovery."""

    def __init__(self, directory: Path, names: Sequence[str]) -> None:
        self._directory = directory
        self._names = names

    async def describe(self, name: str) -> ToolDescription:
        return ToolDescription(name, self.executable(name), {"executable": name, "parameters": {}})

    def executable(self, name: str) -> Path:
        if name not in self._names:
            raise ProcessorUnknown(f"there is no processor {name}")
        return self._directory / name

    async def close(self) -> None:
        """Nothing runs."""
