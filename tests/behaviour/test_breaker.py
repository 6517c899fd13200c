"""What fails again and again for one reason is paused: a model that is gone costs a few pages, and not the book."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.behaviour.books import make_book
from tests.behaviour.processes import Server
from tests.behaviour.scripted_processors import write_processor
from tests.behaviour.sizes import Place

# ``where`` names the model, which goes when it comes to the page ``mode`` for the first time.
_MODELLED = """
    class ResourceNotFoundError(Exception):
        pass

    class Scripted(Described):
        def process_page_file(self, *files):
            page, model = files[0].pageId, self.parameter["where"]
            if page == self.parameter["mode"] and not Path(model + ".gone").exists():
                Path(model).rename(model + ".gone")
            if model and not Path(model).exists():
                raise ResourceNotFoundError(f"model {model} is gone")
            group = self.output_file_grp
            self.workspace.add_file(
                group, file_id=f"{group}_{page}", page_id=page, mimetype="text/plain", content="ink",
                local_filename=f"{group}/{page}.txt")

        def process_page_pcgts(self, *pages, page_id=None):
            raise NotImplementedError
"""


@pytest.fixture(scope="module")
def server(shared_place: Place) -> Iterator[Server]:
    write_processor(shared_place.processors, _MODELLED, "ocrd-modelled")
    running = shared_place.server()
    shared_place.staff(("ocrd-dummy:2", "ocrd-modelled:2"))
    yield running
    assert running.stop() == 0


def three_steps(model: Path, gone_at: str) -> str:
    parameters = json.dumps({"where": str(model), "mode": gone_at})
    return (
        "modelled -I OCR-D-IMG -O OCR-D-ONE\n"
        f"modelled -I OCR-D-ONE -O OCR-D-TWO -p '{parameters}'\n"
        "modelled -I OCR-D-TWO -O OCR-D-THREE\n"
    )


def until_stalled(server: Server, run: str) -> dict[str, Any]:
    """Until nothing of the run can be done any more; its summary."""
    for event in server.events(after=0, run=run):
        assert not any(change["state"] == "SUCCESS" and not change["job"] for change in event["changes"])
        if any(change["state"] == "PAUSED" for change in event["changes"]):
            break
    while not (summary := server.summary(run))["stalled"]:
        assert summary["ended_at"] is None
    return summary


def states(summary: dict[str, Any], of: str = "counts") -> Counter[str]:
    return sum((Counter(step[of]) for step in summary["steps"]), Counter())


def pauses(server: Server) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.client.get("/workers").json()["pauses"]
    return found


@pytest.mark.parametrize("page_wise", [True, False], ids=["page-wise", "whole book"])
def test_a_model_removed_in_mid_run_costs_fewer_than_20_of_3000_jobs(
    server: Server, tmp_path: Path, page_wise: bool
) -> None:
    book, model = make_book(tmp_path / "book", 1000), tmp_path / "model"
    model.touch()
    run = server.run_workflow(book, three_steps(model, "P400"), page_wise=page_wise)["job_id"]
    summary = until_stalled(server, run)
    counted = states(summary, "counts" if page_wise else "pages")
    assert 5 <= counted["FAILED"] < 10
    assert counted["FAILED"] + counted["CANCELLED"] < 20
    [pause] = pauses(server)
    assert (pause["kind"], pause["name"], pause["cause"]) == ("step", f"{run}/2", "MODEL_MISSING")
    assert "is gone" in pause["message"]
    assert [bool(step["pause"]) for step in summary["steps"]] == [False, True, False]
    assert summary["steps"][0]["counts" if page_wise else "pages"] == {"SUCCESS": 1000}
    model.touch()
    failed = counted["FAILED"]
    assert server.client.post(f"/workflow/job/{run}/resume").json() == {"steps": [1], "jobs": 0}
    assert server.wait_for_run(run) == "FAILED"
    done = states(server.summary(run), "counts" if page_wise else "pages")
    assert done["FAILED"] == failed
    assert pauses(server) == []


def test_other_runs_and_steps_go_on_beside_a_paused_one(server: Server, tmp_path: Path) -> None:
    book, model = make_book(tmp_path / "book", 12), tmp_path / "model"
    run = server.run_workflow(book, three_steps(model, ""), page_wise=True)["job_id"]
    until_stalled(server, run)
    model.touch()
    other = make_book(tmp_path / "other", 3)
    assert (
        server.wait_for_run(server.run_workflow(other, three_steps(model, ""), page_wise=True)["job_id"]) == "SUCCESS"
    )
    answer = server.client.post(f"/workflow/job/{run}/resume", json={"step": 1, "retry": True}).json()
    assert answer["steps"] == [1]
    assert answer["jobs"] >= 5
    assert server.wait_for_run(run) == "SUCCESS"


def test_a_run_with_a_paused_step_can_be_cancelled_and_tried_again(server: Server, tmp_path: Path) -> None:
    book, model = make_book(tmp_path / "book", 12), tmp_path / "model"
    run = server.run_workflow(book, three_steps(model, ""), page_wise=True)["job_id"]
    until_stalled(server, run)
    assert server.client.delete(f"/workflow/job/{run}").status_code == 200
    assert server.wait_for_run(run) == "FAILED"
    assert pauses(server) == []
    model.touch()
    assert server.client.post(f"/workflow/job/{run}/retry").status_code == 200
    while server.summary(run)["ended_at"] is None:
        pass
    assert server.summary(run)["state"] == "SUCCESS"


def test_a_paused_step_outlives_a_restart(own_place: Place, tmp_path: Path) -> None:
    write_processor(own_place.processors, _MODELLED, "ocrd-modelled")
    book, model = make_book(tmp_path / "book", 12), tmp_path / "model"
    first = own_place.server()
    own_place.staff(("ocrd-dummy:2", "ocrd-modelled:2"))
    run = first.run_workflow(book, three_steps(model, ""), page_wise=True)["job_id"]
    before = until_stalled(first, run)
    assert first.stop() == 0
    second = own_place.server()
    other = make_book(tmp_path / "other", 2)
    assert second.wait_for_run(second.run_workflow(other, "dummy -I OCR-D-IMG -O OCR-D-OUT")["job_id"]) == "SUCCESS"
    after = second.summary(run)
    assert after["stalled"]
    assert states(after) == states(before)
    model.touch()
    assert second.client.delete(f"/pauses/step/{run}/2").status_code == 204
    assert second.wait_for_run(run) == "FAILED"
    assert states(second.summary(run))["FAILED"] == states(before)["FAILED"]
    assert second.stop() == 0


def test_a_step_can_be_paused_by_hand(server: Server, tmp_path: Path) -> None:
    book = make_book(tmp_path / "book", 3)
    server.client.put("/pauses/processor/ocrd-modelled")
    run = server.run_workflow(book, three_steps(tmp_path, ""), page_wise=True)["job_id"]
    paused = server.client.put(f"/pauses/step/{run}/3").json()
    assert (paused["kind"], paused["cause"], paused["running"]) == ("step", "", 0)
    server.client.delete("/pauses/processor/ocrd-modelled")
    summary = until_stalled(server, run)
    assert [step["counts"] for step in summary["steps"]] == [{"SUCCESS": 3}, {"SUCCESS": 3}, {"CACHED": 3}]
    assert server.client.post(f"/workflow/job/{run}/resume", json={"step": 0}).status_code == 409
    assert server.client.put(f"/pauses/step/{run}/4").status_code == 422
    assert server.client.put(f"/pauses/step/{run}/1").status_code == 409
    assert server.client.post(f"/workflow/job/{run}/resume").json() == {"steps": [2], "jobs": 0}
    assert server.wait_for_run(run) == "SUCCESS"


def test_a_host_on_which_run_after_run_fails_gets_no_more_work_for_that_processor(
    server: Server, tmp_path: Path
) -> None:
    model, host = tmp_path / "model", socket.gethostname()
    runs = []
    for number in range(4):
        book = make_book(tmp_path / f"book{number}", 3)
        text = f"modelled -I OCR-D-IMG -O OCR-D-OUT -p '{json.dumps({'where': str(model)})}'"
        runs.append(server.run_workflow(book, text, page_wise=True)["job_id"])
        if number < 3:
            assert server.wait_for_run(runs[-1]) == "FAILED"
    while not pauses(server):
        pass
    [pause] = pauses(server)
    assert (pause["kind"], pause["name"], pause["cause"]) == (
        "host and processor", f"{host}/ocrd-modelled", "MODEL_MISSING"
    )  # fmt: skip
    while not pauses(server)[0]["drained"]:
        pass
    beside = server.run_job(make_book(tmp_path / "beside", 1))
    assert server.wait_for_job(beside)["state"] == "SUCCESS"
    assert server.summary(runs[3])["ended_at"] is None
    model.touch()
    assert server.client.delete(f"/pauses/host and processor/{host}/ocrd-modelled").status_code == 204
    assert server.wait_for_run(runs[3]) == "FAILED"
    assert states(server.summary(runs[3])) == {"FAILED": 1, "SUCCESS": 2}


@pytest.mark.only("cluster", because="one machine has one server")
def test_any_server_resumes_a_step(own_place: Place, tmp_path: Path) -> None:
    write_processor(own_place.processors, _MODELLED, "ocrd-modelled")
    one, other = own_place.server(), own_place.server(tmp_path / "other")
    own_place.staff(("ocrd-modelled:2",))
    book, model = make_book(tmp_path / "book", 8), tmp_path / "model"
    run = one.run_workflow(book, three_steps(model, ""), page_wise=True)["job_id"]
    until_stalled(one, run)
    while not pauses(other):
        pass
    assert other.summary(run)["stalled"]
    model.touch()
    assert other.client.post(f"/workflow/job/{run}/resume", json={"retry": True}).json()["steps"] == [1]
    assert other.wait_for_run(run) == "SUCCESS"
    assert (one.stop(), other.stop()) == (0, 0)


def test_a_run_without_a_server_ends_when_it_is_paused_and_goes_on_when_it_is_resumed(tmp_path: Path) -> None:
    book, model, home = make_book(tmp_path / "book", 8), tmp_path / "model", tmp_path / "home"
    processors = tmp_path / "processors"
    processors.mkdir()
    write_processor(processors, _MODELLED, "ocrd-modelled")
    (tmp_path / "workflow.txt").write_text(three_steps(model, ""))

    def offizin(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "offizin", *map(str, arguments), "--home", home]
        environment = {**os.environ, "OFFIZIN_PROCESSOR_DIRECTORIES": str(processors), "COLUMNS": "200"}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    run = offizin("run", book, "-w", tmp_path / "workflow.txt", "--page-wise")
    assert run.returncode == 1
    assert "PAUSED" in run.stdout
    assert "Step 2 ocrd-modelled is paused: MODEL_MISSING" in run.stdout
    assert "To go on: offizin resume" in run.stderr
    assert "offizin resume" in offizin("status", "last").stdout
    assert "step" in offizin("workers").stdout
    model.touch()
    resumed = offizin("resume", "last/2", "--retry")
    assert (resumed.returncode, offizin("resume", "last").returncode) == (0, 4), resumed.stderr
    assert "SUCCESS" in resumed.stdout
