"""What jobs write on workers of their own, read on the server: whole when they are over, and live before that."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.behaviour.books import make_book
from tests.behaviour.scripted_processors import write_processor
from tests.rabbitmq_server import RabbitMqServer

# The same processor, for workers that know the server's URL, that know none, and that are killed
NAMED = {"known": "ocrd-talks-known", "unknown": "ocrd-talks-unknown", "killed": "ocrd-talks-killed"}
# Written line by line, so that each line is there as soon as the next one is waited for
TALKATIVE = """
    class Scripted(Described):
        def process_page_file(self, *files):
            mode, where = self.parameter["mode"], self.parameter["where"]
            out = sys.stdout.buffer
            if mode == "long":
                for number in range(int(where)):
                    out.write(b"line %08d of a log that is long, and written in one go\\n" % number)
            elif mode == "binary":
                out.write(bytes(range(256)) * 16 + b"\\xff\\xfe\\x00\\n")
            elif mode == "talk":
                with open(where) as orders:  # a FIFO: a line is an order to say it
                    for line in orders:
                        out.write(b"it was said: " + line.encode())
                        out.flush()
            elif mode == "die":
                out.write(b"this will not end well\\n")
                out.flush()
                os.kill(os.getpid(), signal.SIGKILL)
            out.flush()
            super().process_page_file(*files)

        def process_page_pcgts(self, *pages, page_id=None):
            return OcrdPageResult(pages[0])
"""
CONFIG = """\
process_queue:
  address: 127.0.0.1
  port: {port}
  skip_deployment: true
  credentials: {{username: guest, password: guest}}
worker_lease: 4
runner_lost_retries: 2
"""


def offizin(*arguments: Any, home: Path, **environment: str) -> subprocess.Popen[bytes]:
    log = (home.parent / f"{home.name}.out").open("ab")
    return subprocess.Popen(
        [sys.executable, "-m", "offizin", *map(str, arguments), "--home", str(home)],
        stderr=log, stdout=log, cwd=Path(__file__).parents[2], env={**os.environ, **environment},
    )  # fmt: skip


@dataclass
class Cluster:
    """A server and workers, each with a home of its own."""

    directory: Path
    queue: str
    port: int
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    url: str = ""

    @property
    def home(self) -> Path:
        return self.directory / "server"

    def serve(self) -> None:
        config = self.directory / "config.yml"
        config.write_text(CONFIG.format(port=self.port))
        address = f"127.0.0.1:{self.url.rpartition(':')[2] or 0}"
        self.running.append(offizin("serve", config, "--address", address, home=self.home))
        until(lambda: bool(self._address()))
        self.url = self._address()

    def _address(self) -> str:
        try:
            return (self.home / "address").read_text().strip()
        except OSError:
            return ""

    def work(self, name: str) -> subprocess.Popen[bytes]:
        """Returns once it is there."""
        more = ("--server", self.url) if name != "unknown" else ()
        program = offizin(
            "worker", NAMED[name], "--queue", self.queue, *more, "--grace", 0, home=self.directory / name,
            OFFIZIN_PROCESSOR_DIRECTORIES=str(self.directory / "processors"),
        )  # fmt: skip
        self.running.append(program)
        return program

    def has(self, name: str) -> bool:
        return NAMED[name] in httpx.get(f"{self.url}/processor").json()

    def submit(self, worker: str, mets: Path, mode: str, where: object = "") -> str:
        body = {
            "path_to_mets": str(mets), "input_file_grps": ["OCR-D-IMG"], "output_file_grps": ["OCR-D-OUT"],
            "page_id": "P1", "parameters": {"mode": mode, "where": str(where)},
        }  # fmt: skip
        answer = httpx.post(f"{self.url}/processor/run/{NAMED[worker]}", json=body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["job_id"])

    def state(self, job: str) -> str:
        return str(httpx.get(f"{self.url}/processor/job/{job}").json()["state"])

    def details(self, job: str) -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(f"{self.url}/processor/job/{job}/details").json()
        return found

    def ended(self, job: str) -> str:
        """The state it ends in."""
        until(lambda: self.state(job) in ("SUCCESS", "FAILED", "CANCELLED"))
        return self.state(job)

    def log_path(self, job: str) -> Path:
        return Path(httpx.get(f"{self.url}/processor/job/{job}").json()["log_file_path"])

    def log(self, job: str) -> bytes:
        """As it lies on the server."""
        return self.log_path(job).read_bytes()

    def here(self, name: str) -> list[Path]:
        """The logs that lie with the worker."""
        return list((self.directory / name / "logs").glob("*.log"))

    def end(self) -> None:
        for program in reversed(self.running):
            if program.poll() is None:
                program.terminate()
        for program in self.running:
            try:
                program.wait(20)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait(20)


def until(holds: Any, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, rabbitmq_server: RabbitMqServer) -> Iterator[Cluster]:
    directory = tmp_path_factory.mktemp("cluster")
    (directory / "processors").mkdir()
    for name in NAMED.values():
        write_processor(directory / "processors", TALKATIVE, name)
    made = Cluster(directory, rabbitmq_server.url, rabbitmq_server.port)
    try:
        made.serve()
        made.work("known")
        made.work("unknown")
        until(lambda: made.has("known") and made.has("unknown"))
        yield made
    finally:
        made.end()


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return make_book(tmp_path / "book", 3)


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    """What is written here is said by a job with the mode "talk", which ends when nobody has it open any more."""
    os.mkfifo(tmp_path / "orders")
    return tmp_path / "orders"


def test_a_short_log_comes_with_the_result_byte_for_byte_and_leaves_the_worker(cluster: Cluster, book: Path) -> None:
    job = cluster.submit("unknown", book, "binary")
    assert cluster.ended(job) == "SUCCESS"
    log = cluster.log(job)
    assert bytes(range(256)) * 16 + b"\xff\xfe\x00\n" in log
    assert b"Executing processor" in log.splitlines()[-1]
    until(lambda: cluster.here("unknown") == [])


def test_a_long_log_is_sent_before_the_result(cluster: Cluster, book: Path) -> None:
    job = cluster.submit("known", book, "long", 90_000)
    assert cluster.ended(job) == "SUCCESS"
    log = cluster.log(job)
    assert len(log) > 5_000_000
    assert numbers(log) == list(range(90_000))
    assert b"missing" not in log
    until(lambda: cluster.here("known") == [])


def test_where_no_server_is_known_the_end_of_a_long_log_comes_and_says_that_the_rest_is_missing(
    cluster: Cluster, book: Path
) -> None:
    job = cluster.submit("unknown", book, "long", 90_000)
    assert cluster.ended(job) == "SUCCESS"
    log = cluster.log(job)
    assert 64 * 1024 < len(log) < 65 * 1024
    assert b" bytes of the log are missing here]\n" in log[:100]
    assert numbers(log)[-1] == 89_999


@pytest.mark.parametrize("worker", ["known", "unknown"])
def test_who_follows_reads_each_line_within_a_second(cluster: Cluster, book: Path, orders: Path, worker: str) -> None:
    job = cluster.submit(worker, book, "talk", orders)
    url = f"{cluster.url}/processor/log/{job}"
    with orders.open("w") as say, httpx.stream("GET", url, params={"follow": True}, timeout=30) as answer:
        lines = answer.iter_lines()
        delays = []
        for number in range(5):
            say.write(f"{number}\n")
            say.flush()
            said_at = time.monotonic()
            while next(lines) != f"it was said: {number}":
                pass
            delays.append(time.monotonic() - said_at)
        say.close()
        rest = list(lines)
    assert max(delays) < 1.0
    assert any("Executing processor" in line for line in rest)
    assert cluster.ended(job) == "SUCCESS"
    assert [cluster.log(job).count(f"it was said: {number}\n".encode()) for number in range(5)] == [1] * 5


def test_what_nobody_follows_is_not_sent_before_the_job_is_over(cluster: Cluster, book: Path, orders: Path) -> None:
    job = cluster.submit("known", book, "talk", orders)
    with orders.open("w") as say:
        say.write("something\n")
        say.flush()
        until(lambda: any(b"something" in path.read_bytes() for path in cluster.here("known")))
        until(lambda: cluster.state(job) == "RUNNING")
        assert not cluster.log_path(job).exists()
    assert cluster.ended(job) == "SUCCESS"
    assert b"it was said: something\n" in cluster.log(job)


def test_what_killed_runners_had_written_is_there_of_each_attempt(cluster: Cluster, book: Path) -> None:
    job = cluster.submit("known", book, "die")
    assert cluster.ended(job) == "FAILED"
    details = cluster.details(job)
    assert "this will not end well" in details["attempts"][-1]["log_tail"]
    assert details["attempt"] == 3
    assert cluster.log(job).count(b"this will not end well\n") == 3


def test_the_log_of_a_killed_worker_is_sent_by_the_next_one_in_its_home(
    cluster: Cluster, book: Path, orders: Path
) -> None:
    killed = cluster.work("killed")
    until(lambda: cluster.has("killed"))
    job = cluster.submit("killed", book, "talk", orders)
    with orders.open("w") as say:
        say.write("first\n")
        say.flush()
        until(lambda: any(b"first" in path.read_bytes() for path in cluster.here("killed")))
        until(lambda: cluster.state(job) == "RUNNING")
        killed.kill()
        killed.wait(10)
    cluster.work("killed")
    until(lambda: cluster.details(job)["attempt"] == 2 and cluster.state(job) == "RUNNING")
    with orders.open("w") as say:
        say.write("second\n")
    assert cluster.ended(job) == "SUCCESS"
    until(lambda: b"it was said: first\n" in cluster.log(job))
    assert cluster.log(job).count(b"it was said: first\n") == 1
    assert cluster.log(job).count(b"it was said: second\n") == 1
    until(lambda: cluster.here("killed") == [])


def numbers(log: bytes) -> list[int]:
    return [int(line.split()[1]) for line in log.splitlines() if line.startswith(b"line ")]
