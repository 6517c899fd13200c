"""Parts of a run done again: what failed, what is missing, everything; some pages, one step, in another way."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from ocrd_models import OcrdMets

from tests.behaviour.books import make_book
from tests.behaviour.conftest import Gate
from tests.behaviour.processes import ROOT, Server

FAILS_ON_P2 = "scripted -I OCR-D-IMG -O OCR-D-A -P mode fail -P where P2\ndummy -I OCR-D-A -O OCR-D-B"
TWO_STEPS = "scripted -I OCR-D-IMG -O OCR-D-A\ndummy -I OCR-D-A -O OCR-D-B"


def run(server: Server, book: Path, text: str, *, page_wise: bool, state: str) -> str:
    run_id = str(server.run_workflow(book, text, page_wise=page_wise)["job_id"])
    assert server.wait_for_run(run_id) == state
    return run_id


def redo(server: Server, run_id: str, **asked: Any) -> tuple[int, str]:
    """How many jobs were done again, and what the run ended as."""
    with server.client.stream("GET", "/events") as stream:
        last = int(next(stream.iter_lines()).removeprefix(": after "))
    answer = server.client.post(f"/workflow/job/{run_id}/retry", json=asked)
    assert answer.status_code == 200, answer.text
    for event in server.events(after=last, run=run_id):
        for change in event["changes"]:
            if not change["job"] and change["state"] in ("SUCCESS", "FAILED", "CANCELLED"):
                return answer.json()["jobs"], change["state"]
    raise AssertionError("the events ended before the run did")


def refused(server: Server, run_id: str, **asked: Any) -> tuple[int, str]:
    answer = server.client.post(f"/workflow/job/{run_id}/retry", json=asked)
    return answer.status_code, answer.text


def attempts(server: Server, run_id: str) -> dict[tuple[int, str | None], int]:
    """By step and page."""
    found = server.client.get("/processor/jobs", params={"run": run_id, "limit": 1000}).json()["jobs"]
    return {(job["step"], job["page_id"]): job["attempt"] for job in found}


def files(book: Path, group: str) -> list[Path]:
    return sorted((book.parent / group).glob("*.xml"))


@pytest.mark.parametrize("page_wise", [True, False])
def test_pages_are_done_again_with_other_parameters_and_what_was_cancelled_behind_them_too(
    server: Server, book: Path, page_wise: bool
) -> None:
    run_id = run(server, book, FAILS_ON_P2, page_wise=page_wise, state="FAILED")
    before = {path: path.stat().st_mtime_ns for path in files(book, "OCR-D-A")}
    assert redo(server, run_id, step=0, page_id="P2", parameters={"mode": "ok"}) == (2, "SUCCESS")
    assert len(files(book, "OCR-D-A")) == len(files(book, "OCR-D-B")) == 3
    assert {path: path.stat().st_mtime_ns for path in before} == before
    text = book.read_text()
    assert text.count("<mets:file ") == 9
    if page_wise:
        assert {key for key, number in attempts(server, run_id).items() if number > 1} == {(0, "P2")}


@pytest.mark.parametrize("page_wise", [True, False])
def test_another_processor_does_just_these_pages(server: Server, book: Path, page_wise: bool) -> None:
    run_id = run(server, book, FAILS_ON_P2, page_wise=page_wise, state="FAILED")
    assert redo(server, run_id, step=0, processor="dummy") == (2, "SUCCESS")
    jobs = server.client.get("/processor/jobs", params={"run": run_id, "limit": 1000}).json()["jobs"]
    by = {(job["step"], job["page_id"]): job["processor"] for job in jobs}
    if page_wise:
        assert (by[0, "P1"], by[0, "P2"]) == ("ocrd-scripted", "ocrd-dummy")
        details = [server.details(job["job_id"]) for job in jobs if job["step"] == 0]
        assert [job["parameters"].get("mode") for job in details] == ["fail", None, "fail"]


@pytest.mark.parametrize("page_wise", [True, False])
def test_what_is_missing_is_made_though_its_job_was_a_success(server: Server, book: Path, page_wise: bool) -> None:
    run_id = run(server, book, TWO_STEPS, page_wise=page_wise, state="SUCCESS")
    assert refused(server, run_id, what="missing")[0] == 409
    gone = files(book, "OCR-D-B")[1]
    gone.unlink()
    assert redo(server, run_id, what="missing") == (1, "SUCCESS")
    assert gone.exists()
    assert book.read_text().count("<mets:file ") == 9


@pytest.mark.parametrize("page_wise", [True, False])
def test_all_makes_the_pages_anew_and_what_comes_behind_them(server: Server, book: Path, page_wise: bool) -> None:
    run_id = run(server, book, TWO_STEPS, page_wise=page_wise, state="SUCCESS")
    old = {path: path.stat().st_ino for group in ("OCR-D-A", "OCR-D-B") for path in files(book, group)}
    assert redo(server, run_id, what="all", page_id="P1,P3", step=0) == (4 if page_wise else 2, "SUCCESS")
    new = {path: path.stat().st_ino for path in old}
    assert [path.name for path in old if new[path] == old[path]] == ["OCR-D-A_P2.xml", "OCR-D-B_P2.xml"]
    assert book.read_text().count("<mets:file ") == 9


@pytest.mark.parametrize("page_wise", [True, False])
def test_pages_that_are_skipped_are_gaps_of_a_run_that_is_a_success(
    server: Server, book: Path, page_wise: bool
) -> None:
    run_id = run(server, book, FAILS_ON_P2, page_wise=page_wise, state="FAILED")
    assert redo(server, run_id, skip=True, step=0, page_id="P2") == (1, "SUCCESS")
    assert server.client.get(f"/workflow/job-simple/{run_id}").json() == {"state": "SUCCESS"}
    gaps = server.client.get(f"/workflow/job/{run_id}/gaps").json()["gaps"]
    assert [(gap["step"], gap["page_id"], gap["became"]) for gap in gaps] == [
        (0, "P2", "skipped"), (1, "P2", "skipped"),
    ]  # fmt: skip
    assert gaps[0]["message"] == "skipped by the user (ValueError: the ink is too pale)"
    assert [path.name for path in files(book, "OCR-D-B")] == ["OCR-D-B_P1.xml", "OCR-D-B_P3.xml"]
    assert refused(server, run_id)[0] == 409
    assert redo(server, run_id, what="missing", step=0, parameters={"mode": "ok"}) == (2, "SUCCESS")
    assert len(files(book, "OCR-D-B")) == 3
    assert server.client.get(f"/workflow/job/{run_id}/gaps").json()["gaps"] == []


@pytest.mark.parametrize("page_wise", [True, False])
def test_what_was_dropped_or_renamed_at_the_end_is_made_again_where_it_is_needed(
    server: Server, book: Path, page_wise: bool
) -> None:
    text = f"{TWO_STEPS}\nfinish drop OCR-D-A\nfinish rename OCR-D-B OCR-D-TEXT"
    run_id = run(server, book, text, page_wise=page_wise, state="SUCCESS")
    assert refused(server, run_id, what="missing")[0] == 409
    assert redo(server, run_id, what="all", step=1, page_id="P2", processor="scripted") == (2, "SUCCESS")
    found = OcrdMets(filename=str(book)).find_all_files()
    assert Counter(file.fileGrp for file in found) == {"OCR-D-IMG": 3, "OCR-D-TEXT": 3}
    assert all((book.parent / file.local_filename).exists() for file in found)


def test_what_waits_or_runs_is_left_alone(server: Server, tmp_path: Path, gate: Gate) -> None:
    book = make_book(tmp_path / "book", 1)
    text = f"scripted -I OCR-D-IMG -O OCR-D-A -P mode wait -P where '{gate.path}'\ndummy -I OCR-D-A -O OCR-D-B"
    run_id = server.run_workflow(book, text, page_wise=True)["job_id"]
    status, said = refused(server, run_id, what="all")
    assert status == 409
    assert "2 jobs of it wait or run, and are left alone" in said
    gate.open()
    assert server.wait_for_run(run_id) == "SUCCESS"


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ({"what": "failed", "page_id": "P1"}, 409, "To make anew what is there, say so"),
        ({"what": "all", "page_id": "P9"}, 422, "P9"),
        ({"step": 5}, 422, "has no step 5"),
        ({"parameters": {"mode": "ok"}}, 422, "none is named"),
        ({"step": 0, "parameters": {"mood": "ok"}}, 400, "mood"),
        ({"step": 0, "processor": "no-such-thing"}, 404, "ocrd-no-such-thing"),
        ({"page": "P1"}, 422, "page"),
        ({"skip": True, "what": "all"}, 422, "Skip what failed or is missing"),
        ({"what": "some"}, 422, "what"),
    ],
)
def test_what_cannot_be_done_again_is_refused_with_the_reason(
    server: Server, failed_run: str, asked: dict[str, Any], status: int, said: str
) -> None:
    answer = refused(server, failed_run, **asked)
    assert answer[0] == status
    assert said in answer[1]


@pytest.fixture(scope="module")
def failed_run(server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    book = make_book(tmp_path_factory.mktemp("failed") / "book", 3)
    return run(server, book, FAILS_ON_P2, page_wise=True, state="FAILED")


def offizin(server: Server, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "offizin", *map(str, arguments), "--server", server.url]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, timeout=60)


def test_the_command_does_pages_again_in_another_way(server: Server, book: Path, tmp_path: Path) -> None:
    run_id = run(server, book, FAILS_ON_P2, page_wise=True, state="FAILED")
    (tmp_path / "good.json").write_text('{"mode": "fail", "where": "nowhere"}')
    done = offizin(server, "retry", run_id, "--step", "1", "-p", tmp_path / "good.json", "-P", "mode", "ok", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["run"]["state"] == "SUCCESS"
    again = offizin(server, "retry", run_id, "--what", "all", "--step", "dummy", "-g", "P2", "--processor", "scripted")
    assert again.returncode == 0, again.stderr
    jobs = server.client.get("/processor/jobs", params={"run": run_id}).json()["jobs"]
    assert [j["processor"] for j in jobs if j["page_id"] == "P2"] == ["ocrd-scripted", "ocrd-scripted"]
    assert offizin(server, "retry", run_id, "--skip").returncode == 4
    nothing = offizin(server, "retry", run_id, "--what", "missing")
    assert nothing.returncode == 4
    assert "nothing in run" in nothing.stderr
    wrong = offizin(server, "retry", run_id, "--step", "tesserocr-recognize")
    assert wrong.returncode == 2
    assert "1 ocrd-scripted, 2 ocrd-dummy" in wrong.stderr
