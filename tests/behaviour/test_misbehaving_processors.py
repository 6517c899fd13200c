"""Processors that misbehave, page by page and on whole books: one page fails for the right cause, the rest is done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from ocrd_models import OcrdMets

from tests.behaviour.books import make_book
from tests.behaviour.installed_processors import MISBEHAVING, install
from tests.behaviour.processes import Server
from tests.behaviour.sizes import Place

PAGES = 6
BAD = "P3"
CAUSES = {
    "raise": "EXCEPTION",
    "memory": "OUT_OF_MEMORY",
    "image": "BAD_IMAGE",
    "exit": "EXIT",
    "leave": "EXIT",
    "crash": "CRASH",
    "killed": "RUNNER_LOST",
    "hang": "TIMEOUT",
    "fork": "EXIT",
    "nothing": "NO_OUTPUT",
    "flood": "EXCEPTION",
    "delete": "BAD_OUTPUT",
    "broken": "BAD_OUTPUT",
    "cut off": "BAD_OUTPUT",
    "no PAGE": "BAD_OUTPUT",
    "empty file": "BAD_OUTPUT",
}


@pytest.fixture(scope="session")
def misbehaving(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(MISBEHAVING, tmp_path_factory.mktemp("misbehaving"))


@pytest.fixture(scope="module")
def server(shared_place: Place, misbehaving: Path) -> Iterator[Server]:
    """A server that lets a page of it take six seconds."""
    for program in misbehaving.glob("ocrd-*"):
        (shared_place.processors / program.name).symlink_to(program)
    running = shared_place.server(time_limits={"ocrd-misbehaving": 6.0, "ocrd-misbehaving-old": 6.0})
    shared_place.staff(("ocrd-dummy:2", "ocrd-misbehaving:2", "ocrd-misbehaving-old:2", "ocrd-unloadable:2"))
    yield running
    assert running.stop() == 0


def workflow(processor: str, mode: str) -> str:
    parameters = json.dumps({"mode": mode, "where": BAD})
    return f"{processor} -I OCR-D-IMG -O OCR-D-OUT -p '{parameters}'\ndummy -I OCR-D-OUT -O OCR-D-NEXT\n"


def pages_with(mets: Path, file_grp: str) -> set[str]:
    return {file.pageId for file in OcrdMets(filename=str(mets)).find_files(fileGrp=file_grp)}


@pytest.mark.parametrize("page_wise", [True, False], ids=["page-wise", "whole book"])
@pytest.mark.parametrize("mode", list(CAUSES))
def test_one_bad_page_fails_for_its_cause_and_the_rest_goes_on(
    server: Server, tmp_path: Path, mode: str, page_wise: bool
) -> None:
    mets = make_book(tmp_path / "book", PAGES)
    run = server.run_workflow(mets, workflow("ocrd-misbehaving", mode), page_wise=page_wise)["job_id"]
    assert server.wait_for_run(run) == "FAILED"
    failures = server.client.get(f"/workflow/job/{run}/failures").json()["failures"]
    assert {(f["page_id"], f["cause"]) for f in failures if f["processor"] == "ocrd-misbehaving"} == {
        (BAD, CAUSES[mode])
    }
    good = {f"P{n}" for n in range(1, PAGES + 1)} - {BAD}
    assert pages_with(mets, "OCR-D-OUT") == good
    assert pages_with(mets, "OCR-D-NEXT") == good, failures
    assert not [p for p in psutil.process_iter(["cmdline"]) if "left-behind" in (p.info["cmdline"] or [])]
    assert server.client.get("/healthz").status_code == 200


@pytest.mark.parametrize("mode", ["ok", "raise"])
@pytest.mark.parametrize("page_wise", [True, False], ids=["page-wise", "whole book"])
def test_an_old_processor_fails_page_by_page_too(server: Server, tmp_path: Path, mode: str, page_wise: bool) -> None:
    mets = make_book(tmp_path / "book", PAGES)
    text = workflow("ocrd-misbehaving-old", mode).splitlines()[0]
    run = server.run_workflow(mets, text, page_wise=page_wise)["job_id"]
    assert server.wait_for_run(run) == ("SUCCESS" if mode == "ok" else "FAILED")
    expected = {f"P{n}" for n in range(1, PAGES + 1)}
    if mode == "raise":
        # A whole book stops at the first page that raises: the old interface cannot go on behind it.
        expected = expected - {BAD} if page_wise else {"P1", "P2"}
    assert pages_with(mets, "OCR-D-OUT") == expected


def test_a_processor_that_cannot_be_loaded_fails_its_jobs_with_what_it_said(server: Server, tmp_path: Path) -> None:
    mets = make_book(tmp_path / "book", 2)
    for page_wise in (True, False):
        run = server.run_workflow(mets, "unloadable -I OCR-D-IMG -O OCR-D-OUT", page_wise=page_wise)["job_id"]
        assert server.wait_for_run(run) == "FAILED"
        failures = server.client.get(f"/workflow/job/{run}/failures").json()["failures"]
        assert failures
        assert all("no model here" in failure["message"] for failure in failures)
