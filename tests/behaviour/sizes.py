"""The sizes of Offizin: one process with slots of its own; a cluster; and what a stock configuration file gives."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from offizin.brokers.amqp_url import AmqpUrl
from tests.behaviour.processes import Programs, Server, Worker
from tests.postgresql_cluster import PostgresqlCluster
from tests.rabbitmq_server import RabbitMqServer

EMBEDDED, CLUSTER, STOCK = "embedded", "cluster", "stock file"
PROCESSORS = ("ocrd-dummy:2", "ocrd-scripted:2")
# As in the reference's documentation, but for the port: no key of ours is in it, and the database is for its own
# workers.
_STOCK_FILE = """\
internal_callback_url: http://172.17.0.1
use_tcp_mets: true
process_queue:
  address: 127.0.0.1
  port: {port}
  skip_deployment: true
  credentials:
    username: guest
    password: guest
database:
  address: 127.0.0.1
  port: 27018
  skip_deployment: true
  credentials:
    username: admin
    password: admin
"""


@dataclass
class Place:
    """Where the servers and workers of one size meet: a queue and a database that nobody else uses. ``settings`` are
    what servers need beside their home, or ``config`` is their file; ``queue`` is the URL for workers, None where a
    server has slots of its own."""

    name: str
    directory: Path
    programs: Programs
    settings: dict[str, Any] = field(default_factory=dict)
    config: Path | None = None
    queue: str | None = None
    workers: list[Worker] = field(default_factory=list)
    _homes: list[Path] = field(default_factory=list)

    @property
    def processors(self) -> Path:
        """Where a test may put more of them, before anybody is started."""
        return self.directory / "processors"

    def server(self, home: Path | None = None, port: int = 0, **settings: Any) -> Server:
        home = home or self.directory / "home"
        self._remind(home)
        if self.config is None:
            return Server(home, port, **self.settings, **settings)
        environment = {f"OFFIZIN_{key.upper()}": json.dumps(value) for key, value in settings.items()}
        return Server(home, port, config=self.config, environment=environment)

    def worker(self, named: Sequence[str] = PROCESSORS, home: Path | None = None, **more: Any) -> Worker:
        """A new worker. It has begun once ``begun`` returns, for which there must be a server."""
        assert self.queue is not None
        home = home or self.directory / f"worker-{len(self.workers) + 1}"
        self._remind(home)
        self.workers.append(Worker(self.queue, home, (self.processors, self.programs.directory), named, **more))
        return self.workers[-1]

    def staff(self, named: Sequence[str] = PROCESSORS) -> None:
        """See to it that somebody does the work, who has these processors and two slots, as servers have."""
        if self.queue is not None and not self.workers:
            self.worker(named).begun()

    def _remind(self, home: Path) -> None:
        self._remember()
        self._homes.append(home)
        self.programs.remind(home)

    def _remember(self) -> None:
        for home in self._homes:
            self.programs.remember(home)

    def close(self) -> None:
        """End the workers that still live."""
        self._remember()
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.signal(signal.SIGCONT)
                assert worker.stop() == 0, "\n".join(worker.said[-40:])


@contextlib.contextmanager
def place(name: str, directory: Path, request: pytest.FixtureRequest, *, beside: bool = False) -> Iterator[Place]:
    """RabbitMQ and PostgreSQL are started only if the size has them. ``beside``: another place may be in use, so this
    one has a virtual host of its own, which a stock file cannot name."""
    with contextlib.ExitStack() as stack:
        made = Place(name, directory, request.getfixturevalue("programs"))
        made.processors.mkdir()
        if name == EMBEDDED:
            made.settings = {"processor_directories": [str(made.processors), str(made.programs.directory)]}
        if name != EMBEDDED:
            rabbitmq: RabbitMqServer = request.getfixturevalue("rabbitmq_server")
            made.queue = rabbitmq.new_url() if name == CLUSTER or beside else rabbitmq.fresh_url()
        if name == CLUSTER:
            postgresql: PostgresqlCluster = request.getfixturevalue("postgresql_cluster")
            database = postgresql.make_database()
            stack.callback(postgresql.drop_database, database)
            queue = AmqpUrl.parse(made.queue)
            made.settings = {
                "process_queue": {
                    "address": queue.host, "port": queue.port, "vhost": queue.vhost, "skip_deployment": True,
                },
                "store": f"postgresql://{database.user}@/{database.database}?host={database.host}",
            }  # fmt: skip
        if name == STOCK:
            made.config = directory / "stock.yml"
            text = _STOCK_FILE.format(port=rabbitmq.port)
            if beside:
                text = text.replace(
                    "process_queue:\n", f"process_queue:\n  vhost: {AmqpUrl.parse(made.queue or '').vhost}\n"
                )
            made.config.write_text(text)
        stack.callback(made.close)
        yield made
