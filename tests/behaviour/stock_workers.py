"""What a site of the reference has: a configuration file as its documentation gives it, MongoDB, and its workers."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from offizin.brokers.amqp_url import AmqpUrl
from tests.behaviour.processes import PATIENCE, Programs, Server, die_with_parent
from tests.mongodb_standin import MongoDbStandIn
from tests.rabbitmq_server import RabbitMqServer, free_ports

_FILE = """\
use_tcp_mets: {tcp}
process_queue:
  address: 127.0.0.1
  port: {queue}
{vhost}  skip_deployment: true
  credentials:
    username: guest
    password: guest
database:
  address: 127.0.0.1
  port: {database}
  skip_deployment: true
hosts: []
"""


@dataclass
class StockSite:
    """``programs`` has processors beside those that are installed."""

    directory: Path
    programs: Programs
    rabbitmq: RabbitMqServer
    queue: str
    mongodb: MongoDbStandIn
    tcp: bool = False
    port: int = field(default_factory=lambda: free_ports(1)[0])  # of our server, also after a restart
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    servers: list[Server] = field(default_factory=list)

    @property
    def path(self) -> str:
        return os.pathsep.join([str(self.programs.directory), str(Path(sys.executable).parent), os.environ["PATH"]])

    @property
    def environment(self) -> dict[str, str]:
        """Of servers and workers of one site: they see the same files."""
        return {
            **os.environ,
            "PATH": self.path,
            "OCRD_NETWORK_LOGS_ROOT_DIR": str(self.directory / "logs"),
            "OCRD_NETWORK_SOCKETS_ROOT_DIR": str(self.directory / "sockets"),
        }

    def server(self, home: str = "home", **settings: Any) -> Server:
        """One of ours, on the reference's configuration file."""
        config = self.directory / f"{home}.yml"
        name = AmqpUrl.parse(self.queue).vhost
        vhost = "" if name == "/" else f"  vhost: {name}\n"
        config.write_text(
            _FILE.format(vhost=vhost, tcp=str(self.tcp).lower(), queue=self.rabbitmq.port, database=self.mongodb.port)
        )
        environment = {key: value for key, value in self.environment.items() if os.environ.get(key) != value}
        environment |= {f"OFFIZIN_{key.upper()}": str(value) for key, value in settings.items()}
        self.programs.remind(self.directory / home)
        self.servers.append(Server(self.directory / home, self.port, config=config, environment=environment))
        return self.servers[-1]

    def worker(self, *command: str) -> subprocess.Popen[bytes]:
        """As a user starts it: ``ocrd-dummy worker`` or ``ocrd network processing-worker ocrd-dummy``."""
        log = (self.directory / f"worker-{len(self.processes)}.log").open("wb")
        with log:
            process = subprocess.Popen(
                [*command, "--queue", self.queue, "--database", self.mongodb.url],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=self.environment,
                cwd=self.directory, preexec_fn=lambda: die_with_parent(signal.SIGKILL),  # noqa: PLW1509 (one call into C, no lock)
            )  # fmt: skip
        self.processes.append(process)
        return process

    def wait_for_workers(self, server: Server, *names: str) -> None:
        """Until the server gives them work."""
        server.wait_until_it_says(rf"workers of the reference have ({'|'.join(names)})", times=len(names))

    def document(self, job_id: str) -> dict[str, Any]:
        """Of a job, in MongoDB."""
        found = self.mongodb.collections.get("DBProcessorJob", ())
        return next((each for each in found if each["job_id"] == job_id), {})

    def wait_until_it_runs(self, job_id: str) -> None:
        """By what its worker has told MongoDB: the reference tells of it in no other way."""
        until(lambda: self.document(job_id).get("state") == "RUNNING", self.said)

    def worker_of(self, job_id: str) -> subprocess.Popen[bytes]:
        """The worker that has the job, as soon as one has; it must be its first one: then it still logs where it was
        told to."""

        def has_it(number: int) -> bool:
            return job_id in (self.directory / f"worker-{number}.log").read_text(errors="replace")

        self.wait_until_it_runs(job_id)
        return next(each for number, each in enumerate(self.processes) if each.poll() is None and has_it(number))

    def said(self) -> str:
        """All that workers have written."""
        logs = [*self.directory.glob("worker-*.log"), *(self.directory / "logs").rglob("*.log")]
        return "\n".join(f"== {log.name}\n{log.read_text(errors='replace')[-3000:]}" for log in logs)

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait(30)
        for server in self.servers:
            if server.process.poll() is None:
                assert server.stop() == 0


@contextlib.contextmanager
def stock_site(
    directory: Path, programs: Programs, rabbitmq: RabbitMqServer, *, tcp: bool = False, beside: bool = False
) -> Iterator[StockSite]:
    """``beside``: another place may be in use, so this one has a virtual host of its own, which only our key names."""
    mongodb = MongoDbStandIn()
    mongodb.start()
    site = StockSite(
        directory, programs, rabbitmq, rabbitmq.new_url() if beside else rabbitmq.fresh_url(), mongodb, tcp
    )
    try:
        yield site
    finally:
        site.close()
        mongodb.stop()


def until(is_so: Callable[[], bool], said: Callable[[], str]) -> None:
    """Of programs that tell nobody: looked at again and again. ``said`` is shown if it does not become so."""
    for _ in range(int(PATIENCE / 0.05)):
        if is_so():
            return
        time.sleep(0.05)
    raise AssertionError(said())


def kill(process: subprocess.Popen[bytes]) -> None:
    """As when the machine takes it away."""
    process.send_signal(signal.SIGKILL)
    process.wait(30)
