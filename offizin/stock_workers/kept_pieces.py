"""Which pieces are with workers of the reference, on disk: they go on when the server does not. Blocking.

PROCESSOR/session                 the id of the session that has them
PROCESSOR/JOB.ATTEMPT.PIECE.log   links to the logs that their workers write
PROCESSOR/JOB.ATTEMPT.PIECE.json  the pieces, encoded
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from offizin.logs import attempt_log_name, named_attempt
from offizin.messages import AttemptName

log = logging.getLogger(__name__)

_PIECE = ".json"


class KeptPieces:
    """Of one processor. Its ``directory`` is also that of job logs."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def session(self, new_id: Callable[[], str]) -> str:
        """The one that an earlier process has begun and not ended, or else a new one. Raises OSError."""
        self.directory.mkdir(parents=True, exist_ok=True)
        file = self.directory / "session"
        if file.exists() and (found := file.read_text().strip()):
            return found
        made = new_id()
        _write_whole(file, made.encode())
        return made

    def end_session(self) -> None:
        """Nothing is kept of it."""
        for path in (*self.directory.glob(f"*{_PIECE}"), *self.directory.glob("*.log"), self.directory / "session"):
            path.unlink(missing_ok=True)

    def keep(self, name: AttemptName, piece: bytes) -> None:
        """Before anybody hears of it. Raises OSError."""
        _write_whole(self._file(name), piece)

    def forget(self, name: AttemptName) -> None:
        """It is over."""
        self._file(name).unlink(missing_ok=True)

    def names(self) -> list[AttemptName]:
        """Of what is kept."""
        found = [named_attempt(path.with_suffix(".log").name) for path in self.directory.glob(f"*{_PIECE}")]
        return [AttemptName(*name) for name in found if name is not None]

    def all_of_them(self) -> list[bytes]:
        """What is kept. Raises OSError."""
        return [path.read_bytes() for path in sorted(self.directory.glob(f"*{_PIECE}"))]

    def link_log(self, name: str, log_file: Path) -> None:
        """The log of a piece, as it is called there, is that file from now on."""
        link = self.directory / name
        try:
            if not link.is_symlink():
                link.symlink_to(log_file)
        except OSError as error:
            log.warning("%s cannot be read as a job's log: %s", log_file, error)

    def _file(self, name: AttemptName) -> Path:
        return (self.directory / attempt_log_name(name.job, name.attempt, name.piece)).with_suffix(_PIECE)


def _write_whole(file: Path, content: bytes) -> None:
    temporary = file.with_suffix(".new")
    temporary.write_bytes(content)
    temporary.replace(file)
