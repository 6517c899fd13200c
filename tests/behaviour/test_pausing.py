"""What is paused gets no new work, and goes on where it was."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.behaviour.books import make_book
from tests.behaviour.conftest import Gate, Server
from tests.behaviour.sizes import Place

PROCESSOR = "/pauses/processor/ocrd-scripted"


@pytest.fixture
def paused(server: Server) -> Iterator[dict[str, Any]]:
    """ocrd-scripted is, until the end of the test."""
    answer = server.client.put(PROCESSOR)
    assert answer.status_code == 200, answer.text
    yield answer.json()
    server.client.delete(PROCESSOR)


def pause_of(server: Server, name: str) -> dict[str, Any]:
    """What GET /workers says of it."""
    pauses: list[dict[str, Any]] = server.client.get("/workers").json()["pauses"]
    return next(pause for pause in pauses if pause["name"] == name)


def until_drained(server: Server, name: str) -> None:
    while not pause_of(server, name)["drained"]:
        pass


def run(server: Server, book: Path, gate: Gate | None = None) -> str:
    """A job of ocrd-scripted, held back by the gate; its id."""
    parameters = {"mode": "", "where": ""} if gate is None else gate.parameters
    return server.run_job(book, "ocrd-scripted", page_id="P1", parameters=parameters)


def state_of(server: Server, job: str) -> str:
    return str(server.client.get(f"/processor/job/{job}").json()["state"])


def test_jobs_of_a_paused_processor_wait_and_others_do_not(server: Server, book: Path, paused: dict[str, Any]) -> None:
    assert (paused["kind"], paused["name"], paused["running"], paused["drained"]) == (
        "processor", "ocrd-scripted", 0, True
    )  # fmt: skip
    waiting = run(server, book)
    other = server.run_job(book, output_file_grps=["OCR-D-OTHER"])
    assert server.wait_for_job(other)["state"] == "SUCCESS"
    assert state_of(server, waiting) == "CACHED"
    [step] = server.summary(server.details(waiting)["run_id"])["steps"]
    assert step["paused"]
    assert server.client.delete(PROCESSOR).status_code == 204
    assert server.wait_for_job(waiting)["state"] == "SUCCESS"


def test_what_runs_of_a_paused_processor_is_shown_and_finishes(server: Server, book: Path, gate: Gate) -> None:
    job = run(server, book, gate)
    server.wait_for(server.client.get(f"/processor/job/{job}/details").json()["run_id"], job=job, state="RUNNING")
    answer = server.client.put(PROCESSOR).json()
    assert (answer["running"], answer["drained"]) == (1, False)
    [held] = [piece for worker in server.client.get("/workers").json()["workers"] for piece in worker["holds"]]
    assert (held["job_id"], held["processor"], held["pages"], held["attempt"]) == (job, "ocrd-scripted", 1, 1)
    gate.open()
    until_drained(server, "ocrd-scripted")
    assert server.wait_for_job(job)["state"] == "SUCCESS"
    server.client.delete(PROCESSOR)


def test_a_paused_host_finishes_what_it_has_begun_and_begins_nothing(server: Server, book: Path, gate: Gate) -> None:
    job = run(server, book, gate)
    server.wait_for(server.client.get(f"/processor/job/{job}/details").json()["run_id"], job=job, state="RUNNING")
    host = socket.gethostname()
    assert not server.client.put(f"/pauses/host/{host}").json()["drained"]
    waiting = server.run_job(book, output_file_grps=["OCR-D-OTHER"])
    gate.open()
    until_drained(server, host)
    [worker] = server.client.get("/workers").json()["workers"]
    assert (worker["host"], worker["paused"], worker["resting"], worker["holds"]) == (host, True, True, [])
    assert server.wait_for_job(job)["state"] == "SUCCESS"
    assert state_of(server, waiting) == "CACHED"
    assert server.client.delete(f"/pauses/host/{host}").status_code == 204
    assert server.wait_for_job(waiting)["state"] == "SUCCESS"


def test_a_pause_that_is_said_twice_is_one(server: Server, paused: dict[str, Any]) -> None:
    assert server.client.put(PROCESSOR).json() == paused
    assert len(server.client.get("/workers").json()["pauses"]) == 1


@pytest.mark.parametrize("path", ["/pauses/processor/ocrd-scriptd", "/pauses/host/nowhere"])
def test_nothing_is_paused_that_is_not_there(server: Server, path: str) -> None:
    assert server.client.put(path).status_code == 404
    assert server.client.delete(path).status_code == 409
    assert server.client.get("/workers").json()["pauses"] == []


def test_a_pause_outlives_a_restart(tmp_path: Path, book: Path) -> None:
    first = Server(tmp_path / "home")
    first.client.put(PROCESSOR)
    job = run(first, book)
    assert first.stop() == 0
    second = Server(tmp_path / "home")
    other = second.run_job(book, output_file_grps=["OCR-D-OTHER"])
    assert second.wait_for_job(other)["state"] == "SUCCESS"
    assert state_of(second, job) == "CACHED"
    second.client.delete(PROCESSOR)
    assert second.wait_for_job(job)["state"] == "SUCCESS"
    assert second.stop() == 0


@pytest.mark.only("cluster", because="one machine has one host")
def test_what_a_paused_host_has_not_begun_goes_to_another(own_place: Place, tmp_path: Path) -> None:
    """Each worker has one slot, so that pieces wait in its hands behind the first."""
    server = own_place.server()
    for host in ("one", "two"):
        own_place.worker(["ocrd-scripted:1"], slots=1, options=["--host", host]).begun()
    gates = [Gate(tmp_path / f"gate{number}") for number in range(4)]
    jobs = []
    for number, gate in enumerate(gates):
        os.mkfifo(gate.path)
        jobs.append(run(server, make_book(tmp_path / f"book{number}", 1), gate))
    while len(begun := holders(server)) < 2:
        pass
    server.client.put("/pauses/host/one")
    while not worker_on(server, "one")["resting"]:
        pass
    [still] = worker_on(server, "one")["holds"]
    assert begun[still["job_id"]] == "one"
    gates[jobs.index(still["job_id"])].open()
    until_drained(server, "one")
    with ThreadPoolExecutor(len(gates)) as openers:  # in whatever order the other host comes to them
        for gate, job in zip(gates, jobs, strict=True):
            if job != still["job_id"]:
                openers.submit(gate.open)
    assert {server.wait_for_job(job)["state"] for job in jobs} == {"SUCCESS"}
    assert [server.details(job)["attempt"] for job in jobs] == [1, 1, 1, 1]
    assert worker_on(server, "one")["holds"] == []
    assert server.stop() == 0


def worker_on(server: Server, host: str) -> dict[str, Any]:
    workers: list[dict[str, Any]] = server.client.get("/workers").json()["workers"]
    return next(worker for worker in workers if worker["host"] == host)


def holders(server: Server) -> dict[str, str]:
    """The host on which each job runs, of those that run."""
    workers = server.client.get("/workers").json()["workers"]
    return {held["job_id"]: w["host"] for w in workers for held in w["holds"] if held["state"] == "RUNNING"}


@pytest.mark.only("cluster", because="one machine has one server")
def test_a_pause_holds_for_all_servers_on_a_database(own_place: Place, tmp_path: Path, book: Path) -> None:
    one, other = own_place.server(), own_place.server(tmp_path / "other")
    own_place.staff()
    assert one.client.put(PROCESSOR).status_code == 200
    while not other.client.get("/workers").json()["pauses"]:
        pass
    job = run(other, book)
    dummy = other.run_job(book, output_file_grps=["OCR-D-OTHER"])
    assert other.wait_for_job(dummy)["state"] == "SUCCESS"
    assert state_of(other, job) == "CACHED"
    assert one.client.delete(PROCESSOR).status_code == 204
    assert other.wait_for_job(job)["state"] == "SUCCESS"
    assert (one.stop(), other.stop()) == (0, 0)
