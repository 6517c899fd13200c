"""Workers of the reference, and what they need, that end or go away in the middle of a job."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.behaviour.conftest import Gate
from tests.behaviour.processes import Programs
from tests.behaviour.stock_workers import StockSite, kill, stock_site, until
from tests.behaviour.test_stock_workers import files_in
from tests.rabbitmq_server import RabbitMqServer


@pytest.fixture
def own_site(tmp_path: Path, programs: Programs, rabbitmq_server: RabbitMqServer) -> Iterator[StockSite]:
    """With a server. Workers in their own process alone: what they run dies with them."""
    with stock_site(tmp_path, programs, rabbitmq_server, beside=True, tcp=True) as made:
        made.server()
        yield made


def test_another_worker_takes_the_job_of_one_that_was_killed(own_site: StockSite, book: Path, gate: Gate) -> None:
    (server,) = own_site.servers
    for _ in range(2):
        own_site.worker("ocrd-scripted", "worker")
    own_site.wait_for_workers(server, "ocrd-scripted")
    job_id = server.run_job(book, "ocrd-scripted", page_id="P1", parameters=gate.parameters)
    first = own_site.worker_of(job_id)
    kill(first)
    second = own_site.worker_of(job_id)
    assert second is not first
    gate.lift()
    assert server.wait_for_job(job_id)["state"] == "SUCCESS", server.details(job_id)
    assert server.details(job_id)["attempt"] == 1, (server.details(job_id), server.said, own_site.said())
    assert files_in(book, "OCR-D-OUT") == 1


@pytest.mark.parametrize("end", [pytest.param(signal.SIGTERM, marks=pytest.mark.long), signal.SIGKILL])
def test_a_job_goes_on_while_our_server_is_restarted(
    own_site: StockSite, book: Path, gate: Gate, end: signal.Signals
) -> None:
    (server,) = own_site.servers
    own_site.worker("ocrd-scripted", "worker")
    own_site.wait_for_workers(server, "ocrd-scripted")
    job_id = server.run_job(book, "ocrd-scripted", page_id="P1", parameters=gate.parameters)
    own_site.worker_of(job_id)
    server.wait_for_any(server.details(job_id)["run_id"], "RUNNING")
    until(lambda: "waiting" in own_site.said(), own_site.said)  # a request that is cut off would fail the attempt
    server.signal(end)
    server.ended()
    server = own_site.server()
    assert server.client.get(f"/processor/job/{job_id}").json()["state"] == "RUNNING"
    gate.lift()
    assert server.wait_for_job(job_id)["state"] == "SUCCESS", server.details(job_id)
    assert server.details(job_id)["attempt"] == 1, (server.details(job_id), server.said, own_site.said())
    assert files_in(book, "OCR-D-OUT") == 1
    after = server.run_job(book, "ocrd-scripted", page_id="P2")
    assert server.wait_for_job(after)["state"] == "SUCCESS"


def test_what_a_worker_says_while_our_server_is_down_is_heard_later(
    own_site: StockSite, book: Path, gate: Gate
) -> None:
    (server,) = own_site.servers
    own_site.worker("ocrd-scripted", "worker")
    own_site.wait_for_workers(server, "ocrd-scripted")
    job_id = server.run_job(book, "ocrd-scripted", page_id="P1", parameters=gate.parameters)
    own_site.worker_of(job_id)
    server.kill()
    gate.lift()
    until(lambda: own_site.document(job_id)["state"] == "FAILED", own_site.said)  # nobody took its file
    server = own_site.server()
    assert server.wait_for_job(job_id)["state"] == "SUCCESS", server.details(job_id)  # which is not the job's fault
    assert server.details(job_id)["attempts"][0]["cause"] == "RUNNER_LOST"
    assert files_in(book, "OCR-D-OUT") == 1


def test_a_job_whose_last_worker_ends_waits_for_another(own_site: StockSite, book: Path, gate: Gate) -> None:
    (server,) = own_site.servers
    worker = own_site.worker("ocrd-scripted", "worker")
    own_site.wait_for_workers(server, "ocrd-scripted")
    job_id = server.run_job(book, "ocrd-scripted", page_id="P1", parameters=gate.parameters)
    own_site.worker_of(job_id)
    kill(worker)
    server.wait_for_attempts(job_id, 1)
    until(lambda: "ocrd-scripted" not in server.client.get("/processor").json(), own_site.said)
    assert server.client.get(f"/processor/job/{job_id}").json()["state"] in ("CACHED", "QUEUED")
    gate.lift()
    own_site.worker("ocrd-scripted", "worker")
    assert server.wait_for_job(job_id)["state"] == "SUCCESS", server.details(job_id)
    assert files_in(book, "OCR-D-OUT") == 1


def test_while_mongodb_is_away_their_work_is_paused_and_says_why(own_site: StockSite, book: Path, gate: Gate) -> None:
    (server,) = own_site.servers
    own_site.worker("ocrd-scripted", "worker")
    own_site.wait_for_workers(server, "ocrd-scripted")
    own_site.mongodb.stop()
    server.wait_until_it_says("workers of the reference get nothing new: MongoDB at .* cannot be used now")
    (pause,) = server.client.get("/workers").json()["pauses"]
    assert (pause["name"], pause["message"][:6]) == ("reference-workers", "MongoD")
    job_id = server.run_job(book, "ocrd-scripted", page_id="P1")
    own_site.mongodb.start()
    assert server.wait_for_job(job_id)["state"] == "SUCCESS", server.details(job_id)
    assert not server.client.get("/workers").json()["pauses"]
