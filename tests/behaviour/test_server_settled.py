"""What docs/compatibility.md, "Settled", says of requests that the reference leaves open."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.behaviour.processes import Server
from tests.behaviour.sizes import EMBEDDED

pytestmark = pytest.mark.only(EMBEDDED, because="requests are read in the same way by all")


@pytest.mark.parametrize("agent", ["worker", "server"])
def test_workers_do_what_is_asked_of_any_agent(server: Server, book: Path, agent: str) -> None:
    assert server.wait_for_job(server.run_job(book, agent_type=agent))["state"] == "SUCCESS"
    run = server.run_workflow(book, f"dummy -I OCR-D-IMG -O OCR-D-{agent.upper()}", agent_type=agent)
    assert server.wait_for_run(run["job_id"]) == "SUCCESS"


def test_another_agent_is_refused(server: Server, book: Path) -> None:
    answer = server.client.post(
        "/processor/run/ocrd-dummy",
        json={"path_to_mets": str(book), "input_file_grps": ["OCR-D-IMG"], "agent_type": "nobody"},
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "agent_type" in answer.json()["detail"]


def test_unknown_keys_are_ignored_where_the_reference_ignores_them(server: Server, book: Path) -> None:
    assert server.wait_for_job(server.run_job(book, surprise={"deep": [1]}))["state"] == "SUCCESS"


def test_unknown_keys_in_bodies_of_our_own_are_refused(server: Server, book: Path) -> None:
    job = server.wait_for_job(server.run_job(book))
    run = server.details(job["job_id"])["run_id"]
    for body in ({"waht": "all"}, {"what": "all", "skpi": True}):
        answer = server.client.post(f"/workflow/job/{run}/retry", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert server.client.patch(f"/workflow/job/{run}", json={"priority": 1, "more": 2}).status_code == 422


def test_what_depends_on_a_failed_or_unknown_job_is_refused_at_once(server: Server, book: Path) -> None:
    failed = server.run_job(book, "ocrd-scripted", parameters={"mode": "fail", "where": "P1"}, page_id="P1")
    assert server.wait_for_job(failed)["state"] == "FAILED"
    for job_id in (failed, "none"):
        answer = server.client.post(
            "/processor/run/ocrd-dummy",
            json={
                "path_to_mets": str(book), "input_file_grps": ["OCR-D-IMG"], "output_file_grps": ["OCR-D-THEN"],
                "depends_on": [job_id],
            },
        )  # fmt: skip
        assert answer.status_code == 422
        assert job_id in answer.json()["detail"]
