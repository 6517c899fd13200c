"""A job's log on the server, put together from what its attempts wrote on other machines.

Parts may come twice, overlap, and come from several pieces of one job at once. Each byte is taken once: where it lies
follows from its attempt and its offset there. The first attempt at the first piece lies at the beginning, byte for
byte; that is all that most logs ever have. As soon as anything else comes, a file of places beside the log
(``JOB.places``) says what lies where. A place is written down before the bytes are, so that a crash between the two
is mended by the part that comes again.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from offizin.logs.names import job_log_name

# What a job writes beyond that is dropped.
MOST_BYTES = 256 * 1024 * 1024

FIRST = (1, 0)


@dataclass(frozen=True, slots=True)
class Place:
    """Bytes ``offset`` to ``offset + length`` of what an attempt wrote lie at ``at`` in the job's log; right before
    them stands how many are ``missing``, if any are."""

    attempt: int
    piece: int
    offset: int
    length: int
    at: int
    missing: int = 0

    @property
    def end(self) -> int:
        return self.offset + self.length

    @property
    def notice(self) -> bytes:
        return b"[%d bytes of the log are missing here]\n" % self.missing if self.missing else b""

    def line(self) -> str:
        return f"{self.attempt} {self.piece} {self.offset} {self.length} {self.at} {self.missing}\n"


class LogParts:
    """``directory`` is that of the home's logs. To be called from any thread; blocking."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()

    def write(self, run: str, job: str, attempt: int, piece: int, offset: int, content: bytes) -> None:
        """``content`` is what the attempt at the piece wrote from byte ``offset`` on. Raises OSError."""
        path = f"{self._directory}/{job_log_name(run, job)}"
        with self._lock:
            log = _open(path)
            try:
                _write(log, path.removesuffix(".log") + ".places", (attempt, piece), offset, content)
            finally:
                os.close(log)


def _write(log: int, places: str, who: tuple[int, int], offset: int, content: bytes) -> None:
    size = os.fstat(log).st_size
    known = _read(places)
    if known is None and who == FIRST and offset <= size:
        _write_at(log, content, offset)
        return
    to_note: list[Place] = []
    if known is None:
        known = to_note = [Place(*FIRST, 0, size, 0)] if size else []
    own = [place for place in known if (place.attempt, place.piece) == who]
    for place in own:
        _write_again(log, place, offset, content)
    have = max((place.end for place in own), default=0)
    new = content[max(0, have - offset) :]
    if new:
        end = max([size, *(place.at + place.length for place in known)])
        place = Place(*who, max(offset, have), len(new), end, max(0, offset - have))
        place = replace(place, at=end + len(place.notice))
        _note(places, [*to_note, place])
        _write_at(log, place.notice + new, end)


def _write_again(log: int, place: Place, offset: int, content: bytes) -> None:
    """What is known already, where it was: it may not have got there."""
    begin, end = max(offset, place.offset), min(offset + len(content), place.end)
    if begin < end:
        notice = place.notice if begin == place.offset else b""
        _write_at(log, notice + content[begin - offset : end - offset], place.at + begin - place.offset - len(notice))


def _open(path: str) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o666)
    except FileNotFoundError:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, flags, 0o666)


def _write_at(log: int, content: bytes, at: int) -> None:
    rest = memoryview(content)[: max(0, MOST_BYTES - at)]
    while rest:
        written = os.pwrite(log, rest, at)
        rest, at = rest[written:], at + written


def _read(places: str) -> list[Place] | None:
    """None when there is no such file."""
    try:
        descriptor = os.open(places, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, encoding="ascii") as file:
        return [Place(*map(int, line.split())) for line in file]


def _note(places: str, new: Sequence[Place]) -> None:
    """In one write, so that all of it is there or nothing."""
    with Path(places).open("ab", buffering=0) as file:
        file.write("".join(place.line() for place in new).encode())
