"""A cluster to measure, as throw-away instances: RabbitMQ, PostgreSQL (which writes to disk as it does by default), a
server or two, and a worker with two slots. Everything on this machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import yaml

from benchmarks.connection import Connection
from benchmarks.server import DUMMY, PATIENCE, Server, cpu_seconds, environment_with, running, serving
from tests.postgresql_cluster import PostgresqlCluster, programs
from tests.rabbitmq_server import RabbitMqServer, program

SLOTS = 2
_MOST_CONNECTIONS = {"max_connections": "60"}


@dataclass(frozen=True)
class Infrastructure:
    broker: RabbitMqServer
    database: PostgresqlCluster

    def cpu_seconds(self) -> dict[str, float]:
        """Of RabbitMQ and of PostgreSQL, all their processes. Those of PostgreSQL that have ended count no more."""
        found = {}
        for name, pid in (("RabbitMQ", self.broker.pid), ("PostgreSQL", self.database.pid)):
            process = psutil.Process(pid)
            found[name] = cpu_seconds([process, *process.children(recursive=True)])
        return found


@dataclass(frozen=True)
class ClusterServer(Server):
    """One server of a cluster, with what works for it. ``runners`` are those of the worker."""

    worker: psutil.Popen
    infrastructure: Infrastructure

    def runners_cpu_seconds(self) -> float:
        return cpu_seconds(self.worker.children(recursive=True))

    def runners(self) -> int:
        return sum(_is_runner(child) for child in self.worker.children())

    def others_cpu_seconds(self) -> dict[str, float]:
        return {"worker": cpu_seconds([self.worker]), **self.infrastructure.cpu_seconds()}


def is_installed() -> bool:
    return program("rabbitmq-server") is not None and programs() is not None


@contextmanager
def infrastructure() -> Iterator[Infrastructure]:
    """Raises SystemExit when RabbitMQ or PostgreSQL is not installed."""
    script, bin_directory = program("rabbitmq-server"), programs()
    if script is None or bin_directory is None:
        raise SystemExit("the cluster needs RabbitMQ and PostgreSQL: apt-get install rabbitmq-server postgresql")
    with ExitStack() as stack:
        broker = RabbitMqServer(script)
        stack.callback(broker.remove)
        broker.start()
        database = PostgresqlCluster(bin_directory, _MOST_CONNECTIONS)
        stack.callback(database.remove)
        database.make()
        database.start()
        yield Infrastructure(broker, database)


@contextmanager
def cluster(directory: Path, infrastructure: Infrastructure, *, servers: int = 1) -> Iterator[list[ClusterServer]]:
    """So many servers on a new database, and one worker for all of them."""
    directory.mkdir(parents=True)
    name = f"{directory.name.replace('-', '_')}_{time.time_ns()}"
    asyncio.run(infrastructure.database.execute(f"CREATE DATABASE {name}"))
    config = directory / "offizin.yml"
    config.write_text(_configuration(infrastructure, name))
    queue = infrastructure.broker.url
    with ExitStack() as stack:
        started = [
            stack.enter_context(serving(directory / f"server-{number}", config=config)) for number in range(servers)
        ]
        command = ["worker", f"{DUMMY}:{SLOTS}", "--queue", queue, "--home", str(directory / "worker")]
        worker = stack.enter_context(running(command, directory / "worker.log", environment_with()))
        for server in started:
            _await_worker(server.connect(), directory)
        yield [ClusterServer(s.process, s.address, s.home, worker, infrastructure) for s in started]


def _configuration(infrastructure: Infrastructure, database: str) -> str:
    url = infrastructure.database.url(database)
    return yaml.safe_dump(
        {
            "process_queue": {
                "address": "127.0.0.1",
                "port": infrastructure.broker.port,
                "skip_deployment": True,
                "credentials": {"username": "guest", "password": "guest"},
            },
            "store": f"postgresql://{url.user}@/{database}?host={infrastructure.database.directory}",
        }
    )


def _await_worker(connection: Connection, directory: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while DUMMY not in connection.ask("GET", "/processor"):
        if time.monotonic() > deadline:
            raise SystemExit(f"the worker is not there: {(directory / 'worker.log').read_text()[-2000:]}")
        time.sleep(0.05)


def _is_runner(process: psutil.Process) -> bool:
    try:
        words: Sequence[str] = process.cmdline()
    except psutil.NoSuchProcess:
        return False
    return any(Path(word).name == DUMMY for word in words)
