"""``offizin worker``: how it begins, works and ends; what becomes of its work when it, its server or the queue goes."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from offizin.settings.database_url import DatabaseUrl
from tests.behaviour.books import make_book
from tests.behaviour.conftest import Gate
from tests.behaviour.processes import Command, Server, Worker
from tests.behaviour.sizes import CLUSTER, STOCK, Place, place
from tests.behaviour.test_server_jobs import files_of
from tests.postgresql_cluster import PostgresqlCluster
from tests.rabbitmq_server import RabbitMqServer

pytestmark = pytest.mark.only(CLUSTER, because="on one machine the server has slots of its own")

NOWHERE = "amqp://127.0.0.1:1/"
# What a worker that ends well lets its runners finish, where a test does not say so: nothing runs then.
GRACE = 1.0
# Of the server on which workers are lost, in seconds.
LEASE = 3.0


class Staff:
    """Workers of one test. They end with it, and well: what a killed one had is looked after only when its lease is
    over."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._hired: list[Worker] = []

    def hire(self, *named: str, **more: Any) -> Worker:
        worker = self._place.worker(named, **{"grace": GRACE, **more})
        self._hired.append(worker)
        worker.begun()
        return worker

    def dismiss(self) -> None:
        for worker in self._hired:
            if worker.process.poll() is None:
                worker.signal(signal.SIGCONT)
                worker.stop()


@pytest.fixture
def staff(shared_place: Place) -> Iterator[Staff]:
    staff = Staff(shared_place)
    yield staff
    staff.dismiss()


@pytest.fixture(scope="module")
def server(shared_place: Place) -> Iterator[Server]:
    """Nobody works for it but whom a test hires."""
    running = shared_place.server()
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def quick_place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place(CLUSTER, tmp_path_factory.mktemp("quick"), request) as made:
        yield made


@pytest.fixture(scope="module")
def quick_server(quick_place: Place) -> Iterator[Server]:
    """One with a short lease."""
    running = quick_place.server(worker_lease=LEASE)
    yield running
    assert running.stop() == 0


@pytest.fixture
def quick_staff(quick_place: Place) -> Iterator[Staff]:
    staff = Staff(quick_place)
    yield staff
    staff.dismiss()


def held_job(server: Server, book: Path, gate: Gate, file_grp: str = "OCR-D-OUT", page: str = "P1") -> str:
    """A job that waits at the gate; its id."""
    return server.run_job(book, "ocrd-scripted", parameters=gate.parameters, page_id=page, output_file_grps=[file_grp])


def until_running(server: Server, job: str, attempt: int = 1) -> None:
    for _ in server.events(after=0, run=server.details(job)["run_id"]):
        details = server.details(job)
        if (details["state"], details["attempt"]) == ("RUNNING", attempt):
            return


def forget(sleeper: Worker, rabbitmq: RabbitMqServer) -> None:
    """As RabbitMQ does after half a minute: what it has sent there it gives to others."""
    rabbitmq.close_connection(f"Offizin worker {sleeper.process.pid}")


def losses_of(job: str, cluster: PostgresqlCluster, place: Place) -> object:
    database = DatabaseUrl.parse(place.settings["store"], {}).database
    return asyncio.run(cluster.execute(f"SELECT losses FROM jobs WHERE id = '{job}'", database))[0][0]


# How it begins


@pytest.fixture(scope="module")
def in_vain(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """It waits for its queue for half a minute, while other tests are run."""
    home = tmp_path_factory.mktemp("in-vain")
    arguments = ["worker", "ocrd-dummy", "--queue", "amqp://me:secret@127.0.0.1:1/", "--home", home]
    return Command(arguments, dies_by=signal.SIGKILL)


@pytest.mark.parametrize("name", ["dummy", "ocrd-dummy:0", "ocrd-dummy:-1", "ocrd-dummy:x", "ocrd-dummy:"])
def test_a_wrong_name_is_refused(in_vain: Command, name: str) -> None:
    worker = Command(["worker", name, "--queue", NOWHERE], dies_by=signal.SIGKILL)
    assert worker.ended() == 2
    assert any(f"{name!r} names no processor and slots" in line for line in worker.said)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "127.0.0.1:5672", "amqp://a/b/c?secret"])
def test_what_is_no_url_of_a_queue_is_refused(url: str) -> None:
    worker = Command(["worker", "ocrd-dummy", "--queue", url], dies_by=signal.SIGKILL)
    assert worker.ended() == 2
    assert any("the queue's URL" in line for line in worker.said)
    assert "secret" not in "\n".join(worker.said)


def test_a_processor_that_is_not_there_is_told_before_anything_is_taken(tmp_path: Path) -> None:
    arguments = ["worker", "ocrd-dummy", "ocrd-absent", "--queue", NOWHERE, "--home", tmp_path]
    worker = Command(arguments, dies_by=signal.SIGKILL)
    assert worker.ended() == 3
    assert any("there is no processor ocrd-absent" in line for line in worker.said)


def test_a_worker_comes_before_its_server(own_place: Place, book: Path) -> None:
    worker = own_place.worker(["ocrd-dummy"])
    worker.wait_until_it_says("no server has answered yet")
    server = own_place.server()
    worker.begun()
    assert server.wait_for_job(server.run_job(book))["state"] == "SUCCESS"
    server.stop()


def test_processors_are_listed_while_a_worker_has_them(server: Server, staff: Staff) -> None:
    assert server.client.get("/processor").json() == []
    worker = staff.hire("ocrd-dummy", "ocrd-scripted")
    assert server.client.get("/processor").json() == ["ocrd-dummy", "ocrd-scripted"]
    assert server.client.get("/processor/info/ocrd-scripted").json()["description"] == "does what a test wants"
    assert worker.stop() == 0
    server.wait_until_it_says(f"session {worker.begun()} .*has ended")
    assert server.client.get("/processor").json() == []
    assert server.client.get("/processor/info/ocrd-dummy").status_code == 404


# How it works


def test_each_processor_has_its_slots(server: Server, staff: Staff, book: Path, gates: list[Gate]) -> None:
    staff.hire("ocrd-scripted:2", "ocrd-dummy", slots=3)
    jobs = [held_job(server, book, gate, f"OCR-D-{n}") for n, gate in enumerate(gates)]
    for job in jobs[:2]:
        until_running(server, job)
    dummy = server.run_job(book, output_file_grps=["OCR-D-BESIDE"])
    assert server.wait_for_job(dummy)["state"] == "SUCCESS"
    assert server.details(jobs[2])["state"] == "QUEUED"
    gates[0].open()
    until_running(server, jobs[2])
    for gate in gates[1:]:
        gate.open()
    assert [server.wait_for_job(job)["state"] for job in jobs] == ["SUCCESS"] * 3


@pytest.fixture
def gates(tmp_path: Path) -> list[Gate]:
    return [Gate.make(tmp_path / f"gate-{n}") for n in range(3)]


def test_what_runs_there_is_cancelled_within_two_seconds(server: Server, staff: Staff, book: Path, gate: Gate) -> None:
    worker = staff.hire("ocrd-scripted", "ocrd-dummy")
    job = held_job(server, book, gate)
    until_running(server, job)
    [runner] = worker.runners()
    began = time.monotonic()
    assert server.client.delete(f"/processor/job/{job}").json()["running"] == [job]
    assert server.wait_for_job(job)["state"] == "CANCELLED"
    assert time.monotonic() - began < 2
    assert not runner.is_running()
    assert server.wait_for_job(server.run_job(book))["state"] == "SUCCESS"


# How it ends


def test_a_stopped_worker_finishes_what_runs_and_takes_no_more(
    server: Server, staff: Staff, book: Path, gate: Gate
) -> None:
    worker = staff.hire("ocrd-scripted", grace=60)
    running = held_job(server, book, gate)
    until_running(server, running)
    worker.signal(signal.SIGTERM)
    worker.wait_until_it_says("this worker ends")
    other = server.run_job(book, "ocrd-scripted", page_id="P2", output_file_grps=["OCR-D-OTHER"])
    gate.open()
    assert worker.ended() == 0
    assert server.wait_for_job(running)["state"] == "SUCCESS"
    assert server.details(running)["attempt"] == 1
    assert server.details(other)["state"] in ("CACHED", "QUEUED")
    staff.hire("ocrd-scripted")
    assert server.wait_for_job(other)["state"] == "SUCCESS"


def test_what_does_not_end_in_time_is_handed_back_and_nobody_is_to_blame(
    server: Server, staff: Staff, book: Path, gate: Gate, postgresql_cluster: PostgresqlCluster, shared_place: Place
) -> None:
    worker = staff.hire("ocrd-scripted", grace=0.5)
    job = held_job(server, book, gate)
    until_running(server, job)
    [runner] = worker.runners()
    assert worker.stop() == 0
    assert not runner.is_running()
    staff.hire("ocrd-scripted")
    until_running(server, job, attempt=2)
    gate.open()
    assert server.wait_for_job(job)["state"] == "SUCCESS"
    assert (losses_of(job, postgresql_cluster, shared_place), files_of(book, "OCR-D-OUT")) == (0, 1)


def test_a_second_signal_does_not_wait(quick_server: Server, quick_staff: Staff, book: Path, gate: Gate) -> None:
    worker = quick_staff.hire("ocrd-scripted", grace=60)
    job = held_job(quick_server, book, gate)
    until_running(quick_server, job)
    runners = worker.runners()
    worker.signal(signal.SIGTERM)
    worker.wait_until_it_says("this worker ends")
    worker.signal(signal.SIGTERM)
    assert worker.ended() == 1
    assert psutil.wait_procs(runners, 10)[1] == []
    quick_staff.hire("ocrd-scripted")
    until_running(quick_server, job, attempt=2)
    gate.open()
    assert quick_server.wait_for_job(job)["state"] == "SUCCESS"


# How it is lost


def test_what_a_killed_worker_had_is_done_by_another_one(
    quick_server: Server, quick_staff: Staff, book: Path, gate: Gate, postgresql_cluster: PostgresqlCluster,
    quick_place: Place,
) -> None:  # fmt: skip
    worker = quick_staff.hire("ocrd-scripted:2")
    job = held_job(quick_server, book, gate)
    until_running(quick_server, job)
    runners = worker.runners()
    worker.kill()
    other = quick_staff.hire("ocrd-scripted:2")
    until_running(quick_server, job, attempt=2)
    assert psutil.wait_procs(runners, 10)[1] == []
    assert quick_server.details(job)["attempt"] == 2
    gate.open()
    assert quick_server.wait_for_job(job)["state"] == "SUCCESS"
    assert (losses_of(job, postgresql_cluster, quick_place), files_of(book, "OCR-D-OUT")) == (1, 1)
    workers = quick_server.client.get("/workers").json()["workers"]
    assert [found["session"] for found in workers] == [other.begun()]


def test_a_book_is_done_once_though_workers_are_killed_over_it(
    quick_server: Server, quick_staff: Staff, tmp_path: Path
) -> None:
    book = make_book(tmp_path / "long", 60)
    workers = [quick_staff.hire("ocrd-dummy:2") for _ in range(2)]
    text = "dummy -I OCR-D-IMG -O OCR-D-A\ndummy -I OCR-D-A -O OCR-D-B"
    run = quick_server.run_workflow(book, text, page_wise=True)["job_id"]
    quick_server.wait_for_any(run, "SUCCESS")
    workers[0].kill()
    assert quick_server.wait_for_run(run) == "SUCCESS"
    assert (files_of(book, "OCR-D-A"), files_of(book, "OCR-D-B")) == (60, 60)


def test_a_worker_that_slept_past_its_lease_ends_its_runners_and_begins_anew(
    quick_server: Server, quick_staff: Staff, book: Path, gate: Gate, rabbitmq_server: RabbitMqServer
) -> None:
    sleeper = quick_staff.hire("ocrd-scripted")
    job = held_job(quick_server, book, gate)
    until_running(quick_server, job)
    runners = sleeper.runners()
    sleeper.signal(signal.SIGSTOP)
    forget(sleeper, rabbitmq_server)
    quick_staff.hire("ocrd-scripted")
    until_running(quick_server, job, attempt=2)
    # Its runner goes on behind its back, beside that of the other one, and may not write any more.
    gate.lift()
    assert quick_server.wait_for_job(job)["state"] == "SUCCESS"
    made = {path: path.stat().st_ino for path in (book.parent / "OCR-D-OUT").iterdir()}
    sleeper.signal(signal.SIGCONT)
    sleeper.wait_until_it_says("everything that runs is ended")
    assert sleeper.begun(2) != sleeper.begun(1)
    assert psutil.wait_procs(runners, 10)[1] == []
    assert {path: path.stat().st_ino for path in (book.parent / "OCR-D-OUT").iterdir()} == made
    assert files_of(book, "OCR-D-OUT") == len(made) == 1
    assert quick_server.details(job)["attempt"] == 2


def test_a_host_that_slept_past_the_lease_changes_nothing_when_it_wakes(
    quick_server: Server, quick_staff: Staff, book: Path, gate: Gate, rabbitmq_server: RabbitMqServer
) -> None:
    sleeper = quick_staff.hire("ocrd-scripted")
    job = held_job(quick_server, book, gate)
    until_running(quick_server, job)
    [runner] = sleeper.runners()
    sleeper.signal(signal.SIGSTOP)
    runner.suspend()
    forget(sleeper, rabbitmq_server)
    other = quick_staff.hire("ocrd-scripted")
    until_running(quick_server, job, attempt=2)
    gate.lift()
    assert quick_server.wait_for_job(job)["state"] == "SUCCESS"
    made = {path: path.stat().st_ino for path in (book.parent / "OCR-D-OUT").iterdir()}
    assert other.stop() == 0
    runner.resume()
    sleeper.signal(signal.SIGCONT)
    sleeper.begun(2)
    again = quick_server.run_job(book, "ocrd-scripted", page_id="P2", output_file_grps=["OCR-D-AGAIN"])
    assert quick_server.wait_for_job(again)["state"] == "SUCCESS"
    assert {path: path.stat().st_ino for path in (book.parent / "OCR-D-OUT").iterdir()} == made
    assert files_of(book, "OCR-D-OUT") == 1


# When the server or the queue goes


@pytest.mark.parametrize("meanwhile", [False, True], ids=["it ends later", "it ends meanwhile"])
def test_a_killed_server_takes_the_result_of_what_ran(
    own_place: Place, book: Path, gate: Gate, meanwhile: bool
) -> None:
    server = own_place.server()
    own_place.staff()
    [worker] = own_place.workers
    job = held_job(server, book, gate)
    until_running(server, job)
    server.kill()
    if meanwhile:
        gate.open()
    again = own_place.server()
    if not meanwhile:
        again.wait_until_it_says("1 pieces are with workers")
        gate.open()
    assert again.wait_for_job(job)["state"] == "SUCCESS"
    assert (again.details(job)["attempt"], files_of(book, "OCR-D-OUT")) == (1, 1)
    assert worker.begun(1) == again.client.get("/workers").json()["workers"][0]["session"]
    again.stop()


@pytest.fixture
def stock_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """On the virtual host that also an empty RabbitMQ has."""
    with place(STOCK, tmp_path, request) as made:
        yield made


@pytest.mark.parametrize("empty", [False, True], ids=["", "empty"])
def test_the_broker_comes_back_with_work_in_flight(
    stock_place: Place, rabbitmq_server: RabbitMqServer, book: Path, tmp_path: Path, gate: Gate, empty: bool
) -> None:
    server = stock_place.server(worker_lease=60.0)
    stock_place.staff()
    job = held_job(server, book, gate)
    until_running(server, job)
    long = make_book(tmp_path / "long", 40)
    text = "dummy -I OCR-D-IMG -O OCR-D-A\ndummy -I OCR-D-A -O OCR-D-B"
    run = server.run_workflow(long, text, page_wise=True)["job_id"]
    server.wait_for_any(run, "SUCCESS")
    rabbitmq_server.restart(empty=empty)
    assert server.wait_for_run(run) == "SUCCESS"
    assert (files_of(long, "OCR-D-A"), files_of(long, "OCR-D-B")) == (40, 40)
    gate.open()
    assert server.wait_for_job(job)["state"] == "SUCCESS"
    assert (server.details(job)["attempt"], files_of(book, "OCR-D-OUT")) == (1, 1)
    server.stop()


def test_a_queue_that_cannot_be_reached_is_told(in_vain: Command) -> None:
    assert in_vain.ended() == 5
    said = "\n".join(in_vain.said)
    assert "amqp://me@127.0.0.1:1" in said
    assert "secret" not in said
