"""What METS servers have taken for one workspace and its METS does not list yet, and whose it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from offizin.errors import Conflict
from offizin.messages import File
from offizin.scheduling.dispatched import Dispatched

# (file group, page); no page: files that belong to none.
Place = tuple[str, str | None]


class AddedFiles:
    """By ID and by page, as fast as those of the index."""

    def __init__(self) -> None:
        self._by_id: dict[str, dict[str, File]] = {}
        self._by_page: dict[str | None, dict[tuple[str, str], File]] = {}

    def __iter__(self) -> Iterator[File]:
        return (file for files in self._by_page.values() for file in files.values())

    def __bool__(self) -> bool:
        return bool(self._by_id)

    def of_id(self, file_id: str) -> Sequence[File]:
        return list(self._by_id.get(file_id, {}).values())

    def of_pages(self, pages: Iterable[str | None]) -> list[File]:
        return [file for page in pages for file in self._by_page.get(page, {}).values()]

    def put(self, file: File) -> None:
        """One with its ID in its group gives way."""
        old = self._by_id.get(file.id, {}).get(file.file_grp)
        if old is not None:
            self.remove(old)
        self._by_id.setdefault(file.id, {})[file.file_grp] = file
        self._by_page.setdefault(file.page_id, {})[file.file_grp, file.id] = file

    def remove(self, file: File) -> None:
        """Unless another has taken its place."""
        groups = self._by_id.get(file.id, {})
        if groups.get(file.file_grp) is not file:
            return
        del groups[file.file_grp]
        if not groups:
            del self._by_id[file.id]
        files = self._by_page[file.page_id]
        del files[file.file_grp, file.id]
        if not files:
            del self._by_page[file.page_id]


@dataclass(slots=True)
class LiveAttempt:
    """``files`` in the order they were added."""

    piece: Dispatched
    files: dict[tuple[str, str], File] = field(default_factory=dict)

    @property
    def places(self) -> list[Place]:
        return [(group, page) for group in self.piece.context.output_file_grps for page in self.piece.pages]

    def add(self, file: File) -> None:
        self.files.pop((file.file_grp, file.id), None)
        self.files[file.file_grp, file.id] = file


class LiveAdditions:
    """Of one workspace. Two live attempts never have the same place, so a place tells whose a file is."""

    def __init__(self) -> None:
        self.files = AddedFiles()
        self._attempts: dict[tuple[str, int], LiveAttempt] = {}
        self._places: dict[Place, LiveAttempt] = {}
        self._over: dict[Place, str] = {}

    @property
    def is_empty(self) -> bool:
        return not (self._attempts or self.files or self._over)

    @property
    def has_attempts(self) -> bool:
        return bool(self._attempts)

    def writes_any_of(self, file_grps: Iterable[str]) -> bool:
        """Some live attempt."""
        wanted = set(file_grps)
        return any(wanted.intersection(a.piece.context.output_file_grps) for a in self._attempts.values())

    def register(self, piece: Dispatched, files: Iterable[File] = ()) -> None:
        """``files``: what it has added already, before a restart. An earlier attempt of the piece is over."""
        self.close(piece)
        attempt = self._attempts[piece.id, piece.piece] = LiveAttempt(piece)
        for place in attempt.places:
            self._places[place] = attempt
            self._over.pop(place, None)
        for file in files:
            attempt.add(file)
            self.files.put(file)

    def close(self, piece: Dispatched, late: str = "") -> list[File]:
        """What it has added, in the order it came. With ``late``, the reason, what still comes for its places is
        refused until somebody else registers them or ``forgive`` is called."""
        attempt = self._attempts.pop((piece.id, piece.piece), None)
        if attempt is None:
            return []
        for place in attempt.places:
            if self._places.get(place) is attempt:
                del self._places[place]
                if late:
                    self._over[place] = late
        for file in attempt.files.values():
            self.files.remove(file)
        return list(attempt.files.values())

    def forgive(self, piece: Dispatched) -> None:
        """Nothing late comes of it any more."""
        for place in LiveAttempt(piece).places:
            self._over.pop(place, None)

    def gives_way(self, file: File) -> bool:
        """Whether it lies where a live attempt overwrites: to that it is as if it were not there any more."""
        attempt = self._places.get((file.file_grp, file.page_id))
        if attempt is None or not attempt.piece.overwrite:
            return False
        return attempt.files.get((file.file_grp, file.id)) is not file

    @property
    def any_overwrites(self) -> bool:
        return any(attempt.piece.overwrite for attempt in self._attempts.values())

    def attempt_of(self, file: File) -> LiveAttempt | None:
        """The attempt that has added it; None: nobody's who is at work. Raises Conflict where that cannot be told, or
        the attempt is over."""
        place = (file.file_grp, file.page_id)
        if (why := self._over.get(place)) is not None:
            raise Conflict(f"file {file.id} is not added to {file.file_grp} of page {file.page_id}: {why}")
        if file.page_id is not None:
            return self._places.get(place)
        writers = [a for a in self._attempts.values() if file.file_grp in a.piece.context.output_file_grps]
        if len(writers) > 1:
            raise Conflict(
                f"file {file.id} has no page, and several jobs write {file.file_grp}: whose it is, is unknown"
            )
        return writers[0] if writers else None
