"""Fallbacks: another way to do a step, for pages that fail it."""

from __future__ import annotations

from pathlib import Path

import pytest
from ocrd_models import OcrdMets

from tests.behaviour.conftest import Gate
from tests.behaviour.processes import Server

# The first fallback fails on the page, too; the second is another processor.
STEPS = (
    "scripted -I OCR-D-IMG -O OCR-D-A -P mode fail -P where P2\n"
    "fallback scripted -P mode fail -P where P2\n"
    "fallback dummy\n"
    "dummy -I OCR-D-A -O OCR-D-B"
)


def states(server: Server, run_id: str, step: int = 0) -> dict[str, tuple[str, str, str]]:
    """State, mark and processor by page (of a job of many pages, that of the job)."""
    jobs = server.client.get("/processor/jobs", params={"run": run_id, "limit": 100}).json()["jobs"]
    found = {}
    for job in (job for job in jobs if job["step"] == step):
        if job["page_id"]:
            found[job["page_id"]] = (job["state"], job["mark"], job["processor"])
        for page in server.details(job["job_id"])["page_states"]:
            found[page["page_id"]] = (page["state"], page["mark"], job["processor"])
    return found


@pytest.mark.parametrize("page_wise", [True, False])
@pytest.mark.stock_file
def test_fallbacks_are_tried_one_after_the_other_for_pages_that_fail(
    server: Server, book: Path, page_wise: bool
) -> None:
    run_id = server.run_workflow(book, STEPS, page_wise=page_wise)["job_id"]
    assert server.wait_for_run(run_id) == "SUCCESS"
    found = states(server, run_id)
    assert {page: mark for page, (_, mark, _) in found.items()} == {"P1": "", "P2": "fallback ocrd-dummy", "P3": ""}
    if page_wise:
        assert (found["P1"][2], found["P2"][2]) == ("ocrd-scripted", "ocrd-dummy")
    mets = OcrdMets(filename=str(book))
    assert len(mets.find_all_files(fileGrp="OCR-D-B")) == 3
    assert server.client.get(f"/workflow/job/{run_id}/gaps").json()["gaps"] == []
    ways = server.summary(run_id)["steps"][0]["other_ways"]
    assert [(way["processor"], way["is_fallback"], way["pages"], way["page_ids"]) for way in ways] == [
        ("ocrd-scripted", True, 0, []), ("ocrd-dummy", True, 1, ["P2"]),
    ]  # fmt: skip


def test_each_attempt_at_a_page_is_told(server: Server, book: Path) -> None:
    run = server.run_workflow(book, STEPS, page_wise=True, page_id="P2")
    assert server.wait_for_run(run["job_id"]) == "SUCCESS"
    details = server.details(run["processing_job_ids"]["P2"][0])
    assert [(a["attempt"], a["cause"], a["again"]) for a in details["attempts"]] == [
        (1, "EXCEPTION", True), (2, "EXCEPTION", True),
    ]  # fmt: skip
    assert (details["attempt"], details["mark"]) == (3, "fallback ocrd-dummy")


@pytest.mark.parametrize("page_wise", [True, False])
def test_the_mets_says_which_pages_were_done_by_a_fallback(server: Server, book: Path, page_wise: bool) -> None:
    run_id = server.run_workflow(book, STEPS, page_wise=page_wise)["job_id"]
    assert server.wait_for_run(run_id) == "SUCCESS"
    agents = OcrdMets(filename=str(book)).agents
    notes = [{next(iter(name.values())): text for name, text in agent.notes} for agent in agents]
    told = [(a.name.split()[0], n["page-id"], n.get("stands-in-for")) for a, n in zip(agents, notes, strict=True)]
    assert told == [
        ("ocrd-scripted", None, None), ("ocrd-dummy", "P2", "ocrd-scripted"), ("ocrd-dummy", None, None),
    ]  # fmt: skip


@pytest.mark.parametrize("page_wise", [True, False])
def test_when_all_fail_the_page_has_failed(server: Server, book: Path, page_wise: bool) -> None:
    text = STEPS.replace("fallback dummy\n", "")
    run_id = server.run_workflow(book, text, page_wise=page_wise)["job_id"]
    assert server.wait_for_run(run_id) == "FAILED"
    assert {page: state for page, (state, _, _) in states(server, run_id).items()} == {
        "P1": "SUCCESS", "P2": "FAILED", "P3": "SUCCESS",
    }  # fmt: skip
    failures = server.client.get(f"/workflow/job/{run_id}/failures").json()["failures"]
    assert [(f["page_id"], f["cause"]) for f in failures if f["step"] == 0] == [("P2", "EXCEPTION")]


@pytest.mark.parametrize("page_wise", [True, False])
def test_policies_come_after_the_last_fallback(server: Server, book: Path, page_wise: bool) -> None:
    text = "policy on_missing_output=skip\n" + STEPS
    run_id = server.run_workflow(book, text, page_wise=page_wise)["job_id"]
    assert server.wait_for_run(run_id) == "SUCCESS"
    assert states(server, run_id)["P2"][1] == "fallback ocrd-dummy"
    text = text.replace("fallback dummy\n", "")
    run_id = server.run_workflow(book, text, page_wise=page_wise, overwrite=True)["job_id"]
    assert server.wait_for_run(run_id) == "SUCCESS"
    assert states(server, run_id)["P2"][1] == "skipped"


def test_what_is_cancelled_has_no_fallback(server: Server, book: Path, gate: Gate) -> None:
    text = f"scripted -I OCR-D-IMG -O OCR-D-A -P mode wait -P where '{gate.path}'\nfallback dummy"
    run = server.run_workflow(book, text, page_wise=True, page_id="P1")
    job = run["processing_job_ids"]["P1"][0]
    server.wait_for(run["job_id"], job=job, state="RUNNING")
    server.client.delete(f"/workflow/job/{run['job_id']}")
    assert server.wait_for_run(run["job_id"]) == "CANCELLED"
    assert (server.details(job)["attempt"], server.details(job)["state"]) == (1, "CANCELLED")


@pytest.mark.parametrize(
    ("fallback", "status", "said"),
    [
        ("fallback no-such-thing", 406, "ocrd-no-such-thing"),
        ("fallback scripted -P mood ok", 400, "line 2: fallback: ocrd-scripted"),
        ("fallback scripted -I OCR-D-IMG", 422, "line 2: fallback: -I has no place here"),
    ],
)
def test_a_fallback_that_cannot_work_is_refused_at_once(
    server: Server, book: Path, fallback: str, status: int, said: str
) -> None:
    answer = server.client.post(
        "/workflow/run", params={"mets_path": str(book)},
        files={"workflow": ("w.txt", f"dummy -I OCR-D-IMG -O OCR-D-A\n{fallback}")},
    )  # fmt: skip
    assert answer.status_code == status
    assert said in answer.text
