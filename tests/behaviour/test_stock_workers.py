"""Workers of the reference, as they come from PyPI, joined to our RabbitMQ. A stand-in takes the place of MongoDB."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.behaviour.conftest import Gate
from tests.behaviour.processes import Programs, Server, Worker
from tests.behaviour.stock_workers import StockSite, stock_site
from tests.rabbitmq_server import RabbitMqServer


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, programs: Programs, rabbitmq_server: RabbitMqServer
) -> Iterator[StockSite]:
    """With a server, and workers that were started in both ways of the reference's documentation."""
    with stock_site(tmp_path_factory.mktemp("site"), programs, rabbitmq_server) as made:
        server = made.server()
        made.worker("ocrd-scripted", "worker")
        made.worker("ocrd", "network", "processing-worker", "ocrd-dummy")  # which calls the program for each job
        made.wait_for_workers(server, "ocrd-dummy", "ocrd-scripted")
        yield made


@pytest.fixture
def server(site: StockSite) -> Server:
    return site.servers[0]


def files_in(mets: Path, group: str) -> int:
    return mets.read_text().count(f' ID="{group}_')


def test_a_job_is_done_and_its_log_can_be_read(server: Server, book: Path) -> None:
    job_id = server.run_job(book, "ocrd-scripted", page_id="P1..P3")
    assert server.wait_for_job(job_id)["state"] == "SUCCESS"
    assert files_in(book, "OCR-D-OUT") == 3
    assert server.details(job_id)["account"]["pages_out"] == 3
    assert "processing page P2" in server.client.get(f"/processor/log/{job_id}").text


def test_a_program_that_its_worker_calls_does_its_job_too(server: Server, book: Path) -> None:
    job_id = server.run_job(book, page_id="P2")
    assert server.wait_for_job(job_id)["state"] == "SUCCESS"
    assert files_in(book, "OCR-D-OUT") == 1


def test_a_workflow_is_done_page_by_page(server: Server, book: Path) -> None:
    workflow = "scripted -I OCR-D-IMG -O OCR-D-A\ndummy -I OCR-D-A -O OCR-D-B\n"
    run_id = server.run_workflow(book, workflow, page_wise=True)["job_id"]
    assert server.wait_for_run(run_id) == "SUCCESS"
    assert (files_in(book, "OCR-D-A"), files_in(book, "OCR-D-B")) == (3, 3)


def test_a_page_that_fails_is_told_and_the_others_are_done(server: Server, book: Path) -> None:
    job_id = server.run_job(book, "ocrd-scripted", page_id="P1..P3", parameters={"mode": "fail", "where": "P2"})
    assert server.wait_for_job(job_id)["state"] == "FAILED"
    pages = {page["page_id"]: page for page in server.details(job_id)["page_states"]}
    assert [pages[page]["state"] for page in ("P1", "P2", "P3")] == ["SUCCESS", "FAILED", "SUCCESS"]
    assert pages["P2"]["cause"] in ("NO_OUTPUT", "EXIT", "EXCEPTION")
    assert files_in(book, "OCR-D-OUT") == 2


def test_parameters_are_checked_before_anything_is_sent(server: Server, book: Path) -> None:
    body = {"path_to_mets": str(book), "input_file_grps": ["OCR-D-IMG"], "output_file_grps": ["OCR-D-OUT"]}
    answer = server.client.post("/processor/run/ocrd-dummy", json={**body, "parameters": {"nothing": 1}})
    assert (answer.status_code, answer.json()["code"]) == (400, "parameter_invalid")


def test_a_cancelled_job_is_over_and_what_its_worker_adds_later_is_refused(
    server: Server, site: StockSite, book: Path, gate: Gate
) -> None:
    job_id = server.run_job(book, "ocrd-scripted", page_id="P1", parameters=gate.parameters)
    site.wait_until_it_runs(job_id)
    assert server.client.delete(f"/processor/job/{job_id}").status_code == 200
    assert server.wait_for_job(job_id)["state"] == "CANCELLED"
    gate.lift()
    after = server.run_job(book, "ocrd-scripted", page_id="P2")  # the same worker goes on with the next
    assert server.wait_for_job(after)["state"] == "SUCCESS"
    assert server.wait_for_job(job_id)["state"] == "CANCELLED"
    assert files_in(book, "OCR-D-OUT") == 1


def test_files_that_are_there_are_made_again_if_that_is_asked_for(server: Server, book: Path) -> None:
    for body in ({}, {"overwrite": True}):
        job_id = server.run_job(book, "ocrd-scripted", page_id="P1", **body)
        assert server.wait_for_job(job_id)["state"] == "SUCCESS", server.details(job_id)
    assert files_in(book, "OCR-D-OUT") == 1


def test_workers_of_both_kinds_work_side_by_side(server: Server, site: StockSite, book: Path, gate: Gate) -> None:
    ours = Worker(site.queue, site.directory / "ours", [site.programs.directory], ["ocrd-scripted:1"], slots=1)
    ours.begun()
    jobs = [server.run_job(book, "ocrd-scripted", page_id=page, parameters=gate.parameters) for page in ("P1", "P2")]
    for job_id in jobs:
        run_id = server.details(job_id)["run_id"]
        server.wait_for(run_id, job=job_id, state="RUNNING")  # each at one of them
    given = [job_id for job_id in jobs if site.document(job_id)]
    assert len(given) == 1
    gate.lift()
    for job_id in jobs:
        assert server.wait_for_job(job_id)["state"] == "SUCCESS"
    assert files_in(book, "OCR-D-OUT") == 2
    assert ours.stop() == 0
