"""The home directory: its lock, and how commands on this machine reach the server that runs on it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

from offizin.errors import HomeInUse, Unavailable

# Commands that look for a server hold the lock for an instant; so long, in seconds, it is tried again.
_PATIENCE = 0.2


class Home:
    """``path`` holds the database, the logs, the caches, a lock and, while a server runs, its address."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    @property
    def database(self) -> Path:
        return self.path / "offizin.sqlite"

    @property
    def logs(self) -> Path:
        """Of jobs; those of runners have a directory in it."""
        return self.path / "logs"

    @property
    def runner_logs(self) -> Path:
        return self.logs / "runners"

    @property
    def tool_cache(self) -> Path:
        return self.path / "cache" / "ocrd-tools.json"

    @property
    def workspaces(self) -> Path:
        """Of those that were uploaded: each in a directory that has its id for a name."""
        return self.path / "workspaces"

    def take(self) -> None:
        """Make it and lock it for this process. Raises HomeInUse, Unavailable. Blocking."""
        try:
            for directory in (self.path, self.runner_logs, self.tool_cache.parent):
                directory.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise Unavailable(
                f"the home directory {self.path} cannot be used: {error.strerror}",
                advice="Name another one with --home or OFFIZIN_HOME.",
            ) from error
        try:
            _lock_for_good(lock)
        except OSError as error:
            os.close(lock)
            where = self.address()
            raise HomeInUse(
                f"another Offizin runs on {self.path}" + (f" (at {where})" if where else ""),
                advice="Use that server, or name another directory with --home.",
            ) from error
        self._lock = lock
        self._address_file.unlink(missing_ok=True)

    def server_name(self, new_id: Callable[[], str]) -> str:
        """The name of this home's server among those that share a database. It is made once, and stays.

        Raises Unavailable. Blocking.
        """
        file = self.path / "server"
        try:
            name = file.read_text().strip() if file.exists() else ""
            if not name:
                name = new_id()
                _write_whole(file, name + "\n")
        except OSError as error:
            raise Unavailable(
                f"the name of this server cannot be kept in {file}: {error.strerror}",
                advice="The home directory must be readable and writable for the user of the server.",
            ) from error
        return name

    def publish_address(self, url: str, token: str = "", certificate: Path | None = None) -> None:
        """Tell commands of this user on this machine where the server is, what it lets them in by, and the certificate
        (PEM) that it shows."""
        _write_whole(self._token_file, token, mode=0o600)
        self._certificate_file.unlink(missing_ok=True)
        if certificate is not None:
            _write_whole(self._certificate_file, certificate.read_text())
        _write_whole(self._address_file, url)

    def address(self) -> str | None:
        """The URL of the server on this home, while one runs."""
        try:
            url = self._address_file.read_text().strip()
        except OSError:
            return None
        return url if url and self._is_locked() else None

    def token(self) -> str:
        """Of the server on this home; empty where there is none, or this user may not read it."""
        try:
            return self._token_file.read_text().strip()
        except OSError:
            return ""

    @property
    def certificate(self) -> Path | None:
        """That the server on this home shows; None where it speaks plain HTTP."""
        return self._certificate_file if self._certificate_file.exists() else None

    def release(self) -> None:
        if self._lock is not None:
            for file in (self._address_file, self._token_file, self._certificate_file):
                file.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    @property
    def _address_file(self) -> Path:
        return self.path / "address"

    @property
    def _token_file(self) -> Path:
        return self.path / "token"

    @property
    def _certificate_file(self) -> Path:
        return self.path / "certificate.pem"

    def _is_locked(self) -> bool:
        if self._lock is not None:
            return True
        try:
            lock = os.open(self.path / "lock", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(lock)
        return False


def _write_whole(file: Path, text: str, mode: int = 0o666) -> None:
    """Whoever reads it sees the text before or the text after."""
    temporary = file.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as open_file:
        open_file.write(text)
    temporary.replace(file)


def _lock_for_good(lock: int) -> None:
    """Raises OSError when somebody else keeps it."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(_PATIENCE / 20)
