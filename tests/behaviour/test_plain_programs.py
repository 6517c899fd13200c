"""Programs that are no Python, and Python that takes no hook: called for each piece, and as honest as any other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from ocrd_models import OcrdMets

from tests.behaviour.books import make_book
from tests.behaviour.plain_programs import write_isolated_dummy, write_plain_program, write_shell_processor
from tests.behaviour.processes import Server
from tests.behaviour.sizes import Place

PROCESSOR = "ocrd-misbehaving-plain"
PAGES = 5
BAD = "P3"
ALL = {f"P{n}" for n in range(1, PAGES + 1)}


CAUSES = {
    "exit": "EXIT",
    "crash": "CRASH",
    "killed": "RUNNER_LOST",
    "hang": "TIMEOUT",
    "fork": "EXIT",
    "flood": "EXIT",
    "nothing": "NO_OUTPUT",
    "delete": "BAD_OUTPUT",
    "broken": "BAD_OUTPUT",
}


@pytest.fixture(scope="module")
def server(shared_place: Place) -> Iterator[Server]:
    """A server that lets a page of it take two seconds."""
    write_plain_program(shared_place.processors)
    write_shell_processor(shared_place.processors)
    write_isolated_dummy(shared_place.processors)
    running = shared_place.server(time_limits={PROCESSOR: 2.0})
    shared_place.staff(("ocrd-dummy:2", f"{PROCESSOR}:2", "ocrd-shell:2", "ocrd-dummy-isolated:2"))
    yield running
    assert running.stop() == 0


def step(mode: str = "ok", where: str = BAD, output: str = "OCR-D-OUT") -> str:
    return f"misbehaving-plain -I OCR-D-IMG -O {output} -p '{json.dumps({'mode': mode, 'where': where})}'"


def pages_with(mets: Path, file_grp: str) -> set[str]:
    return {file.pageId for file in OcrdMets(filename=str(mets)).find_files(fileGrp=file_grp)}


def failures(server: Server, run: str) -> list[dict[str, Any]]:
    return list(server.client.get(f"/workflow/job/{run}/failures").json()["failures"])


def left_behind() -> list[psutil.Process]:
    return [p for p in psutil.process_iter(["cmdline"]) if "left-behind" in (p.info["cmdline"] or [])]


@pytest.mark.parametrize("page_wise", [True, False], ids=["page-wise", "whole book"])
@pytest.mark.parametrize("mode", list(CAUSES))
def test_one_bad_page_fails_for_its_cause_and_the_rest_goes_on(
    server: Server, tmp_path: Path, mode: str, page_wise: bool
) -> None:
    mets = make_book(tmp_path / "book", PAGES)
    workflow = f"{step(mode)}\ndummy -I OCR-D-OUT -O OCR-D-NEXT\n"
    run = server.run_workflow(mets, workflow, page_wise=page_wise)["job_id"]
    assert server.wait_for_run(run) == "FAILED"
    found = [failure for failure in failures(server, run) if failure["processor"] == PROCESSOR]
    assert {(failure["page_id"], failure["cause"]) for failure in found} == {(BAD, CAUSES[mode])}
    assert pages_with(mets, "OCR-D-OUT") == pages_with(mets, "OCR-D-NEXT") == ALL - {BAD}, found
    if mode == "exit":
        assert "exit code 3: no ink left" in found[0]["message"]
    assert not left_behind()
    assert server.client.get("/healthz").status_code == 200


@pytest.mark.parametrize("page_wise", [True, False], ids=["page-wise", "whole book"])
@pytest.mark.parametrize("processor", ["shell", "dummy-isolated"])
def test_what_ocrd_adds_over_its_mets_server_stands_in_the_mets(
    server: Server, tmp_path: Path, processor: str, page_wise: bool
) -> None:
    mets = make_book(tmp_path / "Bücher" / "ſ 1", 2)
    run = server.run_workflow(mets, f"{processor} -I OCR-D-IMG -O OCR-D-OUT", page_wise=page_wise)["job_id"]
    assert server.wait_for_run(run) == "SUCCESS", failures(server, run)
    assert pages_with(mets, "OCR-D-OUT") == {"P1", "P2"}
    for file in OcrdMets(filename=str(mets)).find_files(fileGrp="OCR-D-OUT"):
        assert (mets.parent / file.local_filename).stat().st_size > 0
    agent = next(a for a in OcrdMets(filename=str(mets)).agents if processor in (a.name or ""))
    assert agent.name != f"ocrd-{processor} v"
    assert agent.otherrole == "preprocessing/optimization"


# The first answer asks every program on PATH.
@pytest.mark.only("cluster", because="its server finds only the processors that its workers have told of")
def test_it_is_shown_that_a_program_is_called_for_each_piece(server: Server, tmp_path: Path) -> None:
    mets = make_book(tmp_path / "book", 1)
    server.wait_for_run(server.run_workflow(mets, f"{step()}\ndummy -I OCR-D-OUT -O OCR-D-NEXT")["job_id"])
    shown = {one["name"]: one["plain"] for one in server.client.get("/processors").json()["processors"]}
    assert shown[PROCESSOR] is True
    assert shown["ocrd-dummy"] is False


def test_what_is_there_already_is_not_done_again(server: Server, tmp_path: Path) -> None:
    mets = make_book(tmp_path / "book", PAGES)
    first = server.run_workflow(mets, step(where="nowhere"), page_wise=True, page_id="P1..P3")["job_id"]
    assert server.wait_for_run(first) == "SUCCESS"
    made = {path: path.stat().st_mtime_ns for path in (mets.parent / "OCR-D-OUT").iterdir()}
    assert len(made) == 3
    second = server.run_workflow(mets, step(where="nowhere"), page_wise=True)["job_id"]
    assert server.wait_for_run(second) == "SUCCESS", failures(server, second)
    assert pages_with(mets, "OCR-D-OUT") == ALL
    assert {path: path.stat().st_mtime_ns for path in made} == made


@pytest.mark.parametrize("page_wise", [True, False], ids=["page-wise", "whole book"])
def test_a_workflow_that_is_run_again_makes_anew_only_what_has_changed(
    server: Server, tmp_path: Path, page_wise: bool
) -> None:
    mets = make_book(tmp_path / "book", 2)

    def run(where: str) -> dict[str, int]:
        found = server.run_workflow(mets, step("ok", where), page_wise=page_wise)["job_id"]
        assert server.wait_for_run(found) == "SUCCESS", failures(server, found)
        return {path.name: path.stat().st_mtime_ns for path in (mets.parent / "OCR-D-OUT").iterdir()}

    first = run("nowhere")
    assert run("nowhere") == first
    changed = run("elsewhere")
    assert changed.keys() == first.keys()
    assert all(changed[name] != first[name] for name in first)


def test_what_is_there_gives_way_when_it_is_to_be_overwritten(server: Server, tmp_path: Path) -> None:
    mets = make_book(tmp_path / "book", 2)
    assert server.wait_for_run(server.run_workflow(mets, step(), page_wise=False)["job_id"]) == "SUCCESS"
    made = {path: path.stat().st_mtime_ns for path in (mets.parent / "OCR-D-OUT").iterdir()}
    again = server.run_workflow(mets, step(), page_wise=False, overwrite=True)["job_id"]
    assert server.wait_for_run(again) == "SUCCESS", failures(server, again)
    assert all(path.stat().st_mtime_ns > before for path, before in made.items())
    assert pages_with(mets, "OCR-D-OUT") == {"P1", "P2"}


def test_output_that_is_there_fails_its_page_where_the_policy_says_so(server: Server, tmp_path: Path) -> None:
    mets = make_book(tmp_path / "book", 3)
    first = server.run_workflow(mets, step("nothing", "P2"), page_wise=False)["job_id"]
    assert server.wait_for_run(first) == "FAILED"
    again = server.run_workflow(mets, f"policy on_existing_output=fail\n{step()}", page_wise=False)["job_id"]
    assert server.wait_for_run(again) == "FAILED"
    assert {(f["page_id"], f["cause"]) for f in failures(server, again)} == {("P1", "BAD_OUTPUT"), ("P3", "BAD_OUTPUT")}
    assert pages_with(mets, "OCR-D-OUT") == {"P1", "P2", "P3"}


@pytest.mark.parametrize("page_wise", [True, False], ids=["page-wise", "whole book"])
def test_pages_without_output_are_left_out_or_copied_where_the_policy_says_so(
    server: Server, tmp_path: Path, page_wise: bool
) -> None:
    mets = make_book(tmp_path / "book", 3)
    for policy, group, pages in (("skip", "A", {"P1", "P3"}), ("copy", "B", {"P1", "P2", "P3"})):
        text = f"policy on_missing_output={policy}\n{step('nothing', 'P2', group)}"
        run = server.run_workflow(mets, text, page_wise=page_wise)["job_id"]
        assert server.wait_for_run(run) == "SUCCESS", failures(server, run)
        assert pages_with(mets, group) == pages


def test_a_program_that_adds_everything_in_the_end_has_the_time_of_all_pages(server: Server, tmp_path: Path) -> None:
    mets = make_book(tmp_path / "book", 4)
    run = server.run_workflow(mets, step("late", "0.7"), page_wise=False)["job_id"]
    assert server.wait_for_run(run) == "SUCCESS", failures(server, run)


def test_what_pages_of_a_job_cannot_tell_is_asked_of_the_whole_mets_and_then_said_to_be_unknown(
    server: Server, tmp_path: Path
) -> None:
    mets = make_book(tmp_path / "book", 2)
    run = server.run_workflow(mets, step("logical", "P2"), page_wise=True)["job_id"]
    assert server.wait_for_run(run) == "FAILED"
    assert [(failure["page_id"], failure["cause"]) for failure in failures(server, run)] == [("P2", "EXIT")]


def test_a_program_may_not_add_to_pages_of_other_jobs(server: Server, tmp_path: Path) -> None:
    mets = make_book(tmp_path / "book", PAGES)
    run = server.run_workflow(mets, step("foreign"), page_wise=True)["job_id"]
    assert server.wait_for_run(run) == "FAILED"
    assert [failure["page_id"] for failure in failures(server, run)] == [BAD]
    assert pages_with(mets, "OCR-D-OUT") == ALL - {BAD}


def test_a_cancelled_job_ends_the_program_with_all_it_started(server: Server, tmp_path: Path) -> None:
    mets = make_book(tmp_path / "book", 2)
    run = server.run_workflow(mets, step("late", "100"), page_wise=False)["job_id"]
    server.wait_for_any(run, "RUNNING")
    called = [p for p in psutil.process_iter(["cmdline"]) if str(mets) in (p.info["cmdline"] or [])]
    assert called
    assert server.client.delete(f"/workflow/job/{run}").status_code < 300
    assert server.wait_for_run(run) == "CANCELLED"
    assert not psutil.wait_procs(called, timeout=10)[1]
