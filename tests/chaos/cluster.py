"""A whole cluster of this machine: two servers, three workers, RabbitMQ and PostgreSQL, each of which may be killed."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from random import Random
from typing import Any

import psutil

from offizin.settings.database_url import DatabaseUrl
from tests.behaviour.processes import Command, Programs, Server, Worker
from tests.chaos.in_flight import InFlight
from tests.chaos.ordeal import Ordeal
from tests.postgresql_cluster import PostgresqlCluster
from tests.rabbitmq_server import RabbitMqServer

PROCESSORS = ("ocrd-dummy:2", "ocrd-slow:2", "ocrd-whole:1")
SERVERS, WORKERS = 2, 3
# Of servers and workers, in seconds: short, because a test waits for it.
LEASE = 2.0
# When nothing has happened for so long, nothing will.
QUIET = 3.0
_COUNTS = (
    "SELECT (SELECT count(*) FROM jobs WHERE state IN ('QUEUED', 'RUNNING') AND page IS NOT NULL)"
    " + (SELECT count(*) FROM pieces WHERE state IN ('QUEUED', 'RUNNING'))",
    "SELECT count(*) FROM deltas",
    "SELECT count(*) FROM runs WHERE ended_at IS NULL AND open_jobs = 0",
    "SELECT count(*) FROM callbacks",
    "SELECT coalesce(sum(open_jobs), 0) FROM runs",
)
_OPEN = (
    "SELECT 'jobs' AS what, j.processor, j.state, j.pages > 1 AS of_many, j.open_edges > 0 AS waiting, j.held,"
    " j.cancelling, j.server, w.owner, j.holder IS NOT NULL AS held_by_worker, r.state AS run, count(*) AS number"
    " FROM jobs j JOIN runs r ON r.seq = j.run JOIN workspaces w ON w.seq = r.workspace"
    " WHERE j.state IN ('CACHED', 'QUEUED', 'RUNNING') GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11",
    "SELECT 'pieces' AS what, p.processor, p.state, p.open_edges, p.held, p.server, w.owner, j.state AS job,"
    " j.open_edges AS edges_of_job, count(*) AS number FROM pieces p JOIN jobs j ON j.seq = p.job"
    " JOIN runs r ON r.seq = j.run JOIN workspaces w ON w.seq = r.workspace"
    " WHERE p.state IN ('CACHED', 'QUEUED', 'RUNNING') GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9",
    "SELECT 'edges' AS what, e.kind, a.state AS before, b.state AS behind, a.server AS server_before,"
    " b.server AS server_behind, count(*) AS number FROM edges e JOIN jobs a ON a.seq = e.predecessor"
    " JOIN jobs b ON b.seq = e.successor WHERE b.state = 'CACHED' GROUP BY 1, 2, 3, 4, 5, 6",
    "SELECT 'servers' AS what, seq, name, incarnation, beat, heir FROM servers",
    "SELECT 'runs' AS what, seq, state, open_jobs, workspace FROM runs WHERE ended_at IS NULL",
    "SELECT 'pauses' AS what, * FROM pauses",
    "SELECT 'delays' AS what, * FROM delays",
)
_SESSION = r"this worker is session (\S+)"


class Cluster(Ordeal):
    """``start`` it, and ``close`` it in any case."""

    def __init__(
        self, directory: Path, programs: Programs, processors: Path, postgresql: PostgresqlCluster,
        rabbitmq: RabbitMqServer, random: Random,
    ) -> None:  # fmt: skip
        super().__init__(directory, processors)
        self.servers: dict[str, Server] = {}
        self.workers: dict[str, Worker] = {}
        self._programs = programs
        self._postgresql = postgresql
        self._rabbitmq = rabbitmq
        self._random = random
        self._database: DatabaseUrl = postgresql.make_database()
        self._workers_started = 0

    def start(self) -> None:
        for number in range(SERVERS):
            self._start_server(f"server-{number + 1}")
        for _ in range(WORKERS):
            self._start_worker()
        for worker in self.workers.values():
            worker.begun()

    def close(self) -> None:
        for command in [*self.servers.values(), *self.workers.values()]:
            if command.process.poll() is None:
                command.process.kill()
            command.process.wait()
        self.receiver.close()
        self._postgresql.drop_database(self._database)

    def stop(self) -> None:
        """As an administrator does it: first the workers, then the servers."""
        for command in [*self.workers.values(), *self.servers.values()]:
            assert command.stop() == 0, command.said[-40:]

    @property
    def server_at_hand(self) -> Server:
        return self._random.choice(list(self.servers.values()))

    def in_flight(self) -> InFlight:
        # At once: a look that takes long finds nothing any more.
        together = f"SELECT {', '.join(f'({query})' for query in _COUNTS)}"
        [row] = _finished(self._postgresql.execute(together, self._database.database))
        return InFlight(*map(int, row))

    def what_is_open(self) -> str:
        """Jobs and pieces that are not over, counted by what they wait for."""
        queries = [f"SELECT row_to_json(q)::text FROM ({query}) q" for query in _OPEN]
        found = [_finished(self._postgresql.execute(query, self._database.database)) for query in queries]
        return "\n".join(str(row[0]) for rows in found for row in rows)

    def said(self) -> str:
        """By all of them, in the end."""
        commands = {**self.servers, **self.workers}
        return "\n".join(f"--- {name}\n" + "\n".join(c.said[-60:]) for name, c in commands.items())

    def _start_server(self, name: str) -> None:
        self.lives += 1
        home = self.directory / name
        self._programs.remind(home)
        self.servers[name] = Server(
            home,
            process_queue={"address": "127.0.0.1", "port": self._rabbitmq.port, "skip_deployment": True},
            store=f"postgresql://{self._database.user}@/{self._database.database}?host={self._database.host}",
            worker_lease=LEASE, server_lease=LEASE, save_interval=0.3,
        )  # fmt: skip

    def _start_worker(self) -> Worker:
        self._workers_started += 1
        name = f"worker-{self._workers_started}"
        home = self.directory / name
        self._programs.remind(home)
        worker = self.workers[name] = Worker(
            self._rabbitmq.url, home, (self._processors, self._programs.directory), PROCESSORS, slots=2, grace=5.0
        )
        return worker

    # Troubles: each ends with everybody there again.

    def kill_a_server(self) -> None:
        name = self._random.choice(list(self.servers))
        self.servers[name].kill()
        self._start_server(name)

    def kill_a_server_until_it_is_inherited(self) -> None:
        """It comes back when another one has taken its work over."""
        name = self._random.choice(list(self.servers))
        other = next(server for other, server in self.servers.items() if other != name)
        before = _count(other, "its work is taken over")
        self.servers[name].kill()
        if self._owns_something(name):
            other.wait_until_it_says("shows no life: its work is taken over", times=before + 1)
        self._start_server(name)

    def kill_a_worker(self) -> None:
        name = self._random.choice(list(self.workers))
        self.workers.pop(name).kill()
        self._start_worker().begun()

    def stop_a_worker(self) -> None:
        """As an administrator does it, with work in its hands."""
        name = self._random.choice(list(self.workers))
        assert self.workers.pop(name).stop() == 0
        self._start_worker().begun()

    def let_a_worker_sleep_past_its_lease(self) -> None:
        worker = self._random.choice(list(self.workers.values()))
        # Perhaps it has just lost one: that is said to be silent soon, and it has another one soon.
        lost = _count(worker, "no server has heard this worker in time")
        sessions = max(_count(worker, _SESSION), lost + 1)
        session = worker.wait_until_it_says(_SESSION, times=sessions)[1]
        worker.signal(signal.SIGSTOP)
        for server in self.servers.values():
            server.wait_until_it_says(f"session {session} .* is silent: taken for lost")
        worker.signal(signal.SIGCONT)
        worker.begun(sessions + 1)

    def kill_runners(self) -> None:
        runners = [runner for worker in self.workers.values() for runner in worker.runners()]
        for runner in self._random.sample(runners, min(2, len(runners))):
            try:
                runner.kill()
            except psutil.NoSuchProcess:
                pass

    def kill_rabbitmq(self) -> None:
        self._rabbitmq.restart()

    def empty_rabbitmq(self) -> None:
        self._rabbitmq.restart(empty=True)

    def cut_connections_to_rabbitmq(self) -> None:
        self._rabbitmq.close_all_connections()

    def cut_connections_to_postgresql(self) -> None:
        query = (
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            f"WHERE datname = '{self._database.database}' AND pid <> pg_backend_pid()"
        )
        _finished(self._postgresql.execute(query))

    def _owns_something(self, name: str) -> bool:
        """That has to be done: a workspace without work is anybody's."""
        home_name = (self.directory / name / "server").read_text().strip()
        query = (
            "SELECT EXISTS (SELECT FROM workspaces w JOIN servers s ON s.seq = w.owner "
            f"WHERE s.name = '{home_name}' AND "
            "(EXISTS (SELECT FROM runs r WHERE r.workspace = w.seq AND r.ended_at IS NULL)"
            " OR EXISTS (SELECT FROM deltas d WHERE d.workspace = w.seq))) "
            f"OR EXISTS (SELECT FROM callbacks c JOIN servers s ON s.seq = c.server WHERE s.name = '{home_name}')"
        )
        return bool(_finished(self._postgresql.execute(query, self._database.database))[0][0])

    # Waiting

    def pass_events(self, events: int) -> None:
        """Wait for so many more changes of state, if there are so many."""
        self.until(self.server_at_hand, lambda changes: len(changes) >= events, patience=QUIET)  # type: ignore[arg-type]


TROUBLES: dict[str, Callable[[Cluster], None]] = {
    "a server": Cluster.kill_a_server,
    "a server, until another one took over": Cluster.kill_a_server_until_it_is_inherited,
    "a worker with its runners": Cluster.kill_a_worker,
    "a worker, stopped gracefully": Cluster.stop_a_worker,
    "a worker, asleep past its lease": Cluster.let_a_worker_sleep_past_its_lease,
    "two runners": Cluster.kill_runners,
    "RabbitMQ": Cluster.kill_rabbitmq,
    "RabbitMQ, back empty": Cluster.empty_rabbitmq,
    "all connections to RabbitMQ": Cluster.cut_connections_to_rabbitmq,
    "all connections to PostgreSQL": Cluster.cut_connections_to_postgresql,
}


def _count(command: Command, text: str) -> int:
    return sum(bool(re.search(text, line)) for line in command.said)


def _finished(work: Coroutine[Any, Any, list[tuple[Any, ...]]]) -> list[tuple[Any, ...]]:
    """pytest-asyncio may have an event loop here."""
    with asyncio.Runner() as runner:
        return runner.run(work)
