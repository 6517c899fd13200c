"""Jobs submitted by themselves: submit, look, cancel, call back."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from lxml import etree

from tests.behaviour.conftest import Gate
from tests.behaviour.processes import Server
from tests.behaviour.sizes import Place


def files_of(mets: Path, file_grp: str) -> int:
    return len(etree.parse(mets).findall(f".//{{*}}fileGrp[@USE='{file_grp}']/{{*}}file"))


@pytest.mark.stock_file
def test_a_job_shows_success_when_its_files_are_in_the_mets(server: Server, book: Path) -> None:
    job = server.wait_for_job(server.run_job(book))
    assert job["state"] == "SUCCESS"
    assert files_of(book, "OCR-D-OUT") == 3
    assert Path(job["log_file_path"]).read_text() == server.client.get(f"/processor/log/{job['job_id']}").text


def test_a_job_keeps_the_page_selector_as_it_was_given(server: Server, book: Path) -> None:
    job = server.wait_for_job(server.run_job(book, page_id="P1..P2"))
    assert (job["page_id"], files_of(book, "OCR-D-OUT")) == ("P1..P2", 2)


def test_a_job_without_page_selector_shows_none(server: Server, book: Path) -> None:
    assert "page_id" not in server.wait_for_job(server.run_job(book))


@pytest.mark.stock_file
def test_a_failed_page_fails_the_job_and_is_told(server: Server, book: Path) -> None:
    job_id = server.run_job(book, "ocrd-scripted", parameters={"mode": "fail", "where": "P2"})
    assert server.wait_for_job(job_id)["state"] == "FAILED"
    details = server.client.get(f"/processor/job/{job_id}/details").json()
    assert {page["page_id"]: page["state"] for page in details["page_states"]} == {
        "P1": "SUCCESS", "P2": "FAILED", "P3": "SUCCESS",
    }  # fmt: skip
    assert "P2" in details["message"]
    [failure] = server.client.get(f"/workflow/job/{details['run_id']}/failures").json()["failures"]
    assert (failure["page_id"], failure["cause"], failure["job_id"]) == ("P2", "EXCEPTION", job_id)
    assert "the ink is too pale" in failure["message"]
    assert "the ink is too pale" in failure["log_tail"]
    assert files_of(book, "OCR-D-OUT") == 2


@pytest.mark.stock_file
def test_a_job_that_runs_is_cancelled(server: Server, book: Path, gate: Gate) -> None:
    job_id = server.run_job(book, "ocrd-scripted", parameters=gate.parameters, page_id="P1")
    run_id = server.client.get(f"/processor/job/{job_id}/details").json()["run_id"]
    server.wait_for(run_id, job=job_id, state="RUNNING")
    answer = server.client.delete(f"/processor/job/{job_id}")
    assert answer.json() == {"cancelled": 0, "running": [job_id]}
    assert server.wait_for_job(job_id)["state"] == "CANCELLED"
    again = server.client.delete(f"/processor/job/{job_id}")
    assert (again.status_code, again.json()["code"]) == (409, "conflict")


def test_a_job_that_waits_for_a_cancelled_one_is_cancelled(server: Server, book: Path, gate: Gate) -> None:
    first = server.run_job(book, "ocrd-scripted", parameters=gate.parameters, page_id="P1")
    second = server.run_job(book, output_file_grps=["OCR-D-SECOND"], page_id="P1", depends_on=[first])
    assert server.client.get(f"/processor/job/{second}").json()["state"] == "CACHED"
    server.client.delete(f"/processor/job/{first}")
    assert server.wait_for_job(second)["state"] == "CANCELLED"


@pytest.mark.stock_file
def test_a_job_runs_after_those_it_depends_on(server: Server, book: Path, gate: Gate) -> None:
    first = server.run_job(book, "ocrd-scripted", parameters=gate.parameters, page_id="P1")
    second = server.run_job(book, output_file_grps=["OCR-D-SECOND"], page_id="P1", depends_on=[first])
    gate.open()
    assert server.wait_for_job(second)["state"] == "SUCCESS"
    ended = [server.client.get(f"/processor/job/{job}/details").json()["ended_at"] for job in (first, second)]
    assert ended == sorted(ended)


def test_jobs_are_listed_page_by_page(server: Server, book: Path) -> None:
    run = server.run_workflow(book, "dummy -I OCR-D-IMG -O OCR-D-LISTED", page_wise=True)
    query: dict[str, Any] = {"run": run["job_id"], "limit": 2}
    first = server.client.get("/processor/jobs", params=query).json()
    second = server.client.get("/processor/jobs", params={**query, "after": first["next"]}).json()
    assert [job["page_id"] for job in first["jobs"] + second["jobs"]] == ["P1", "P2", "P3"]
    assert second["next"] is None
    server.wait_for_run(run["job_id"])
    done = server.client.get("/processor/jobs", params={"run": run["job_id"], "state": "SUCCESS"}).json()["jobs"]
    assert [job["state"] for job in done] == ["SUCCESS"] * 3
    assert (
        server.client.get("/processor/jobs", params={"run": run["job_id"], "processor": "ocrd-x"}).json()["jobs"] == []
    )


Called = tuple[str, Queue[dict[str, Any]], threading.Event]


@pytest.fixture
def called() -> Iterator[Called]:
    """A URL, what is POSTed to it, and an event: as long as it is cleared, such calls are answered with 503."""
    bodies: Queue[dict[str, Any]] = Queue()
    willing = threading.Event()
    willing.set()

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204 if willing.is_set() else 503)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Taking) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}/done", bodies, willing
        listening.shutdown()
        thread.join()


@pytest.mark.stock_file
def test_the_callback_of_a_job_gets_its_result(server: Server, book: Path, called: Called) -> None:
    url, bodies, _ = called
    job_id = server.run_job(book, callback_url=url)
    body = bodies.get(timeout=60)
    assert (body["job_id"], body["state"], body["path_to_mets"]) == (job_id, "SUCCESS", str(book))
    assert files_of(book, "OCR-D-OUT") == 3


def test_the_callback_of_a_workflow_gets_its_result(server: Server, book: Path, called: Called) -> None:
    url, bodies, _ = called
    text = "scripted -I OCR-D-IMG -O OCR-D-OUT -P mode fail -P where P1"
    run = server.run_workflow(book, text, page_wise=True, workflow_callback_url=url)
    body = bodies.get(timeout=60)
    assert (body["job_id"], body["state"]) == (run["job_id"], "FAILED")


@pytest.mark.stock_file
def test_a_callback_that_was_not_taken_is_made_again_after_a_restart(
    own_place: Place, book: Path, called: Called
) -> None:
    url, bodies, willing = called
    willing.clear()
    before = own_place.server()
    own_place.staff()
    job_id = before.run_job(book, callback_url=url)
    assert bodies.get(timeout=60)["job_id"] == job_id
    before.stop()
    while not bodies.empty():
        bodies.get()
    willing.set()
    after = own_place.server()
    assert bodies.get(timeout=60) == {
        "job_id": job_id, "state": "SUCCESS", "path_to_mets": str(book), "workspace_id": None,
    }  # fmt: skip
    after.stop()
