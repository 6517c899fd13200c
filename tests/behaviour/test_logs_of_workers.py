"""What jobs write on workers of their own, read on the server: whole when they are over, and live before that."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.behaviour.processes import Server, Worker
from tests.behaviour.scripted_processors import write_processor
from tests.behaviour.sizes import CLUSTER, STOCK, Place, place

# The same processor, for workers that know the server's URL, that know none, and that are killed
NAMED = {"known": "ocrd-talks-known", "unknown": "ocrd-talks-unknown", "killed": "ocrd-talks-killed"}
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
                with open(where) as orders:  # a FIFO: each line is an order to say it
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


class Cluster:
    """A server, and workers with homes of their own."""

    def __init__(self, made: Place) -> None:
        self.place = made
        for name in NAMED.values():
            write_processor(made.processors, TALKATIVE, name)
        self.server: Server = made.server(worker_lease=8, runner_lost_retries=2)

    def work(self, name: str) -> Worker:
        server = self.server.url if name != "unknown" else None
        return self.place.worker((f"{NAMED[name]}:2",), self._home(name), server=server, grace=0)

    def submit(self, worker: str, mets: Path, mode: str, where: object = "") -> str:
        parameters = {"mode": mode, "where": str(where)}
        return self.server.run_job(mets, NAMED[worker], page_id="P1", parameters=parameters)

    def ended(self, job: str) -> str:
        """The state it ends in."""
        return str(self.server.wait_for_job(job)["state"])

    def log_path(self, job: str) -> Path:
        return Path(self.server.client.get(f"/processor/job/{job}").json()["log_file_path"])

    def log(self, job: str) -> bytes:
        """As it lies on the server."""
        return self.log_path(job).read_bytes()

    def here(self, name: str) -> list[Path]:
        """The logs that lie with the worker."""
        return list((self._home(name) / "logs").glob("*.log"))

    def until_said(self, name: str, said: bytes, job: str, attempt: int = 1) -> None:
        """Until the worker has it in a log, and the server has heard of it."""
        until(lambda: any(said in path.read_bytes() for path in self.here(name)))
        until(lambda: (shown := self.server.details(job))["state"] == "RUNNING" and shown["attempt"] == attempt)

    def _home(self, name: str) -> Path:
        return self.place.directory / f"home-{name}"


def until(holds: Callable[[], bool]) -> None:
    """What happens in files is announced nowhere."""
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture(scope="module")
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with place(STOCK, tmp_path_factory.mktemp("logs"), request) as made:
        cluster = Cluster(made)
        for worker in [cluster.work("known"), cluster.work("unknown")]:
            worker.begun()
        yield cluster
        assert cluster.server.stop() == 0


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
    url = f"{cluster.server.url}/processor/log/{job}"
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
        cluster.until_said("known", b"something", job)
        assert not cluster.log_path(job).exists()
    assert cluster.ended(job) == "SUCCESS"
    assert b"it was said: something\n" in cluster.log(job)


def test_what_killed_runners_had_written_is_there_of_each_attempt(cluster: Cluster, book: Path) -> None:
    job = cluster.submit("known", book, "die")
    assert cluster.ended(job) == "FAILED"
    details = cluster.server.details(job)
    assert "this will not end well" in details["attempts"][-1]["log_tail"]
    assert details["attempt"] == 3
    assert cluster.log(job).count(b"this will not end well\n") == 3


def test_the_log_of_a_killed_worker_is_sent_by_the_next_one_in_its_home(
    cluster: Cluster, book: Path, orders: Path
) -> None:
    killed = cluster.work("killed")
    killed.begun()
    job = cluster.submit("killed", book, "talk", orders)
    with orders.open("w") as say:
        say.write("first\n")
        say.flush()
        cluster.until_said("killed", b"first", job)
        killed.kill()
    cluster.work("killed")
    until(lambda: cluster.server.details(job)["attempt"] == 2)
    with orders.open("w") as say:
        say.write("second\n")
    assert cluster.ended(job) == "SUCCESS"
    until(lambda: b"it was said: first\n" in cluster.log(job))
    assert cluster.log(job).count(b"it was said: first\n") == 1
    assert cluster.log(job).count(b"it was said: second\n") == 1
    until(lambda: cluster.here("killed") == [])


def test_parts_that_belong_to_nothing_are_refused(cluster: Cluster, book: Path) -> None:
    job = cluster.submit("known", book, "binary")
    assert cluster.ended(job) == "SUCCESS"
    before = cluster.log(job)

    def answer(job: str, content: bytes = b"made up", **where: int) -> int:
        where = {"attempt": 1, "piece": 0, "offset": 0, **where}
        return cluster.server.client.put(f"/processor/job/{job}/log", params=where, content=content).status_code

    assert answer("no-such-job") == 422
    assert answer("..%2F..%2Fetc") in (404, 422)
    assert answer(job, attempt=2) == 404
    assert answer(job, piece=1) == 404
    assert answer(job, offset=-1) == 422
    assert answer(job, b"x" * (1024 * 1024 + 1)) == 413
    assert cluster.log(job) == before


def test_a_worker_may_know_another_server_than_the_one_that_has_the_job(
    request: pytest.FixtureRequest, tmp_path: Path, book: Path
) -> None:
    (tmp_path / "two").mkdir()
    with place(CLUSTER, tmp_path / "two", request) as made:
        write_processor(made.processors, TALKATIVE, NAMED["known"])
        one, two = made.server(), made.server(made.directory / "second")
        made.worker((NAMED["known"],), server=two.url, grace=0).begun()
        job = one.run_job(book, NAMED["known"], page_id="P1", parameters={"mode": "long", "where": "90000"})
        assert one.wait_for_job(job)["state"] == "SUCCESS"
        for server in (one, two):
            assert numbers(server.client.get(f"/processor/log/{job}").content) == list(range(90_000))
        assert [len(list((server.home / "logs").glob("*/*.log"))) for server in (one, two)] == [1, 0]
        for server in (one, two):
            assert server.stop() == 0


def numbers(log: bytes) -> list[int]:
    return [int(line.split()[1]) for line in log.splitlines() if line.startswith(b"line ")]
