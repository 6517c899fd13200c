"""Runs of workflows: submit, look, list, cancel, retry, change the priority."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.behaviour.books import make_book
from tests.behaviour.conftest import Gate
from tests.behaviour.processes import Server

TWO_STEPS = "# both\n\nocrd-dummy -I OCR-D-IMG -O OCR-D-A\ndummy -I OCR-D-A -O OCR-D-B\n"


@pytest.mark.stock_file
def test_a_page_wise_run_has_the_jobs_of_each_page_in_the_order_of_the_steps(server: Server, book: Path) -> None:
    run = server.run_workflow(book, TWO_STEPS, page_wise=True)
    assert server.wait_for_run(run["job_id"]) == "SUCCESS"
    assert list(run["processing_job_ids"]) == ["P1", "P2", "P3"]
    for page, job_ids in run["processing_job_ids"].items():
        details = [server.client.get(f"/processor/job/{job_id}/details").json() for job_id in job_ids]
        assert [(job["step"], job["page_id"]) for job in details] == [(0, page), (1, page)]
    assert server.client.get(f"/workflow/job/{run['job_id']}").json() == {"ocrd-dummy": {"SUCCESS": 6}}
    assert server.client.get(f"/workflow/job-simple/{run['job_id']}").json() == {"state": "SUCCESS"}


def test_a_page_that_is_done_already_has_no_jobs(server: Server, book: Path) -> None:
    server.wait_for_run(server.run_workflow(book, TWO_STEPS, page_wise=True, page_id="P2")["job_id"])
    run = server.run_workflow(book, TWO_STEPS, page_wise=True)
    assert {page: len(ids) for page, ids in run["processing_job_ids"].items()} == {"P1": 2, "P2": 0, "P3": 2}
    assert server.wait_for_run(run["job_id"]) == "SUCCESS"
    assert server.summary(run["job_id"])["skipped"] == 2


def test_a_run_in_which_everything_is_done_succeeds_at_once(server: Server, book: Path) -> None:
    server.wait_for_run(server.run_workflow(book, TWO_STEPS)["job_id"])
    run = server.run_workflow(book, TWO_STEPS)
    assert run["processing_job_ids"] == {"": []}
    assert server.wait_for_run(run["job_id"]) == "SUCCESS"
    assert server.client.get(f"/workflow/job-simple/{run['job_id']}").json() == {"state": "SUCCESS"}


@pytest.mark.stock_file
def test_overwrite_does_everything_again(server: Server, book: Path) -> None:
    server.wait_for_run(server.run_workflow(book, TWO_STEPS)["job_id"])
    run = server.run_workflow(book, TWO_STEPS, overwrite=True, description="once more", priority=3)
    assert len(run["processing_job_ids"][""]) == 2
    assert server.wait_for_run(run["job_id"]) == "SUCCESS"
    summary = server.summary(run["job_id"])
    assert (summary["overwrite"], summary["description"], summary["priority"]) == (True, "once more", 3)


@pytest.mark.stock_file
def test_a_failed_page_fails_the_run_and_stands_in_its_status(server: Server, book: Path) -> None:
    text = "scripted -I OCR-D-IMG -O OCR-D-A -P mode fail -P where P2\ndummy -I OCR-D-A -O OCR-D-B"
    run = server.run_workflow(book, text, page_wise=True)
    assert server.wait_for_run(run["job_id"]) == "FAILED"
    failed, after = run["processing_job_ids"]["P2"]
    status = server.client.get(f"/workflow/job/{run['job_id']}").json()
    assert status["ocrd-scripted"] == {"SUCCESS": 2, "FAILED": 1}
    assert status["ocrd-dummy"] == {"SUCCESS": 2, "CANCELLED": 1}
    assert status["failed-processor-tasks"] == {"ocrd-scripted": [{"job_id": failed, "page_id": "P2"}]}
    assert server.client.get(f"/workflow/job-simple/{run['job_id']}").json() == {"state": "FAILED"}
    cancelled = server.client.get(f"/processor/job/{after}/details").json()
    assert (cancelled["state"], cancelled["cause"]) == ("CANCELLED", "NO_INPUT")
    assert failed in cancelled["message"]


@pytest.mark.stock_file
def test_a_retry_does_what_failed_and_what_was_cancelled_behind_it(server: Server, book: Path, tmp_path: Path) -> None:
    obstacle = tmp_path / "obstacle"
    obstacle.touch()
    text = (
        f"scripted -I OCR-D-IMG -O OCR-D-A -P mode 'fail while there' -P where '{obstacle}'\n"
        "dummy -I OCR-D-A -O OCR-D-B"
    )
    run = server.run_workflow(book, text, page_wise=True, page_id="P1")
    assert server.wait_for_run(run["job_id"]) == "FAILED"
    obstacle.unlink()
    last = newest_event(server)
    assert server.client.post(f"/workflow/job/{run['job_id']}/retry").json() == {"jobs": 2}
    for event in server.events(after=last, run=run["job_id"]):
        ends = [change["state"] for change in event["changes"] if not change["job"] and change["state"] != "RUNNING"]
        if ends:
            break
    assert ends == ["SUCCESS"]
    assert server.client.get(f"/workflow/job/{run['job_id']}/failures").json() == {"failures": [], "more": False}
    again = server.client.post(f"/workflow/job/{run['job_id']}/retry")
    assert again.status_code == 409


def newest_event(server: Server) -> int:
    with server.client.stream("GET", "/events") as stream:
        return int(next(stream.iter_lines()).removeprefix(": after "))


@pytest.mark.stock_file
def test_a_run_is_cancelled_as_a_whole(server: Server, book: Path, gate: Gate) -> None:
    text = f"scripted -I OCR-D-IMG -O OCR-D-A -P mode wait -P where '{gate.path}'\ndummy -I OCR-D-A -O OCR-D-B"
    run = server.run_workflow(book, text, page_wise=True, page_id="P1,P2")
    server.wait_for(run["job_id"], job=run["processing_job_ids"]["P1"][0], state="RUNNING")
    answer = server.client.delete(f"/workflow/job/{run['job_id']}").json()
    assert answer["cancelled"] + len(answer["running"]) == 4
    assert server.wait_for_run(run["job_id"]) == "CANCELLED"
    assert server.client.get(f"/workflow/job-simple/{run['job_id']}").json() == {"state": "FAILED"}
    assert server.client.delete(f"/workflow/job/{run['job_id']}").status_code == 409


def test_a_run_is_found_by_its_state_and_its_mets(server: Server, book: Path) -> None:
    run_ids = [server.run_workflow(book, f"dummy -I OCR-D-IMG -O OCR-D-{n}")["job_id"] for n in range(3)]
    for run_id in run_ids:
        server.wait_for_run(run_id)
    query = {"mets_path": str(book), "state": "SUCCESS", "limit": "2"}
    first = server.client.get("/workflow/jobs", params=query).json()
    second = server.client.get("/workflow/jobs", params={**query, "before": first["next"]}).json()
    assert [run["run_id"] for run in first["runs"] + second["runs"]] == run_ids[::-1]
    assert second["next"] is None
    assert server.client.get("/workflow/jobs", params={**query, "state": "QUEUED"}).json() == {"runs": [], "next": None}


def test_the_priority_of_a_run_is_changed(server: Server, tmp_path: Path, gate: Gate) -> None:
    book = make_book(tmp_path / "book", 1)
    text = f"scripted -I OCR-D-IMG -O OCR-D-A -P mode wait -P where '{gate.path}'\ndummy -I OCR-D-A -O OCR-D-B"
    run_id = server.run_workflow(book, text)["job_id"]
    answer = server.client.patch(f"/workflow/job/{run_id}", json={"priority": 7})
    assert answer.json()["priority"] == 7
    gate.open()
    assert server.wait_for_run(run_id) == "SUCCESS"


@pytest.mark.parametrize(("method", "path"), [
    ("GET", "/workflow/job/x/summary"), ("GET", "/workflow/job/x/failures"), ("DELETE", "/workflow/job/x"),
    ("PATCH", "/workflow/job/x"), ("POST", "/workflow/job/x/retry"), ("GET", "/processor/jobs?run=x"),
])  # fmt: skip
def test_an_unknown_run_is_not_found(server: Server, method: str, path: str) -> None:
    body = {"priority": 1} if method == "PATCH" else None
    answer = server.client.request(method, path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (404, "run_unknown")


@pytest.mark.parametrize(("method", "path"), [("GET", "/processor/job/x/details"), ("DELETE", "/processor/job/x")])
def test_an_unknown_job_is_told_as_the_reference_does(server: Server, method: str, path: str) -> None:
    answer = server.client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (422, "job_unknown")
