"""A PostgreSQL of the tests' own: made for one session of pytest, on a Unix socket, and ended with it."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, TypeVar

import pytest

from offizin.settings.database_url import DatabaseUrl
from offizin.store.postgresql import PostgresqlDatabase

T = TypeVar("T")

OLDEST = 15
USER = "offizin"
TEMPLATE = "template_offizin"
READY = "database system is ready to accept connections"
# Nothing here must outlive a power failure.
CARELESS = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "32MB", "max_connections": "60"}


def programs() -> Path | None:
    """The directory of the newest PostgreSQL that is installed and not too old."""
    found: dict[int, Path] = {}
    for initdb in Path("/usr/lib/postgresql").glob("*/bin/initdb"):
        found[int(initdb.parts[-3].split(".")[0])] = initdb.parent
    if on_path := shutil.which("initdb"):
        said = subprocess.run([on_path, "--version"], capture_output=True, text=True, check=False).stdout
        if version := re.search(r"(\d+)", said):
            found.setdefault(int(version[1]), Path(on_path).resolve().parent)
    newest = max(found, default=0)
    return found[newest] if newest >= OLDEST else None


class PostgresqlCluster:
    """``start`` before anything else, ``stop`` in any case."""

    def __init__(self, bin_directory: Path, settings: Mapping[str, str] = CARELESS) -> None:
        self._bin = bin_directory
        self._settings = settings
        self._account = _unprivileged_account() if os.getuid() == 0 else None
        # Not pytest's directory: a socket's path has room for 107 bytes.
        self.directory = Path(tempfile.mkdtemp(prefix="offizin-pg-"))
        self._server: subprocess.Popen[str] | None = None
        self._databases = 0
        self.said: list[str] = []

    def make(self) -> None:
        if self._account is not None:
            os.chown(self.directory, self._account.pw_uid, self._account.pw_gid)
        done = subprocess.run(
            [self._bin / "initdb", "-D", self.directory / "data", "-A", "trust", "-U", USER, "-E", "UTF8",
             "--locale=C", "--no-sync"],
            **self._as_account(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        settings = {"listen_addresses": "", "unix_socket_directories": str(self.directory), **self._settings}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self._server = subprocess.Popen(
            [self._bin / "postgres", "-D", self.directory / "data", *options],
            **self._as_account(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            text=True, errors="replace", start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 (one call into C, nothing that could wait for a lock)
        )  # fmt: skip
        assert self._server.stderr is not None
        ready = threading.Event()
        threading.Thread(target=self._listen, args=(self._server.stderr, ready), daemon=True).start()
        up = ready.wait(30) and self._server.poll() is None
        assert up, "\n".join(self.said[-20:])

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT ends all connections and stops; SIGQUIT stops without writing anything down, as a crash does."""
        if self._server is None:
            return
        self._server.send_signal(how)
        try:
            self._server.wait(20)
        except subprocess.TimeoutExpired:
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait(20)
        self._server = None

    @property
    def pid(self) -> int:
        assert self._server is not None
        return self._server.pid

    def remove(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.directory, ignore_errors=True)

    def url(self, database: str) -> DatabaseUrl:
        return DatabaseUrl(database, USER, str(self.directory))

    def make_template(self) -> None:
        """A database with all tables, to copy for each test."""

        async def migrate() -> None:
            await self.execute(f"CREATE DATABASE {TEMPLATE}")
            await (await PostgresqlDatabase.open(self.url(TEMPLATE))).close()

        _run(migrate())

    @contextlib.asynccontextmanager
    async def new_database(self, *, empty: bool = False) -> AsyncIterator[DatabaseUrl]:
        """A database with the tables of the newest schema, or none; dropped at the end."""
        url = await self._make_database("template0" if empty else TEMPLATE)
        try:
            yield url
        finally:
            await self._drop_database(url)

    def make_database(self) -> DatabaseUrl:
        """As ``new_database``, for tests that are not async: ``drop_database`` at the end."""
        return _run(self._make_database(TEMPLATE))

    def drop_database(self, url: DatabaseUrl) -> None:
        _run(self._drop_database(url))

    async def _make_database(self, template: str) -> DatabaseUrl:
        self._databases += 1
        name = f"test_{self._databases}"
        await self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    async def _drop_database(self, url: DatabaseUrl) -> None:
        await self.execute(f"DROP DATABASE {url.database} WITH (FORCE)")

    async def execute(self, sql: str, database: str = "postgres") -> list[tuple[object, ...]]:
        import asyncpg

        connection = await asyncpg.connect(host=str(self.directory), user=USER, database=database)
        try:
            return [tuple(row) for row in await connection.fetch(sql)]
        finally:
            await connection.close()

    def _as_account(self) -> dict[str, Any]:
        if self._account is None:
            return {}
        return {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": [], "cwd": self.directory}

    def _listen(self, errors: IO[str], ready: threading.Event) -> None:
        for line in errors:
            self.said.append(line.rstrip())
            if READY in line:
                ready.set()
        ready.set()


def _run(work: Coroutine[Any, Any, T]) -> T:
    """In a thread of its own, with an event loop of its own: pytest-asyncio may have one here."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def _unprivileged_account() -> pwd.struct_passwd:
    """PostgreSQL refuses to run as root."""
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise AssertionError("there is no user to run PostgreSQL as: make one named postgres")


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGQUIT)  # PR_SET_PDEATHSIG: also when pytest is killed


def cluster_for_session() -> Iterator[PostgresqlCluster]:
    """The body of a fixture."""
    found = programs()
    if found is None:
        pytest.skip(f"PostgreSQL {OLDEST} or newer is not installed (apt-get install postgresql)")
    cluster = PostgresqlCluster(found)
    try:
        cluster.make()
        cluster.start()
        cluster.make_template()
        yield cluster
    finally:
        cluster.remove()
