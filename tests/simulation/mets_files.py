"""All mets.xml of a simulated world, in memory, written without a look at how the real ones are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from offizin.errors import MetsChanged, MetsInvalid
from offizin.messages import Delta, File
from offizin.mets.contents import Contents, as_indexed
from offizin.mets.index import MetsIndex
from offizin.mets.stamp import Stamp
from tests.simulation.chances import Chances


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
