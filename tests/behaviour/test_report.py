"""A run's report, over HTTP and on the command line; and the pictures in it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from offizin.report.pictures import LONGEST_SIDE, pictures_of
from tests.behaviour.books import make_book
from tests.behaviour.processes import Server

WORKFLOW = "scripted -I OCR-D-IMG -O OCR-D-A -P mode fail -P where P2\ndummy -I OCR-D-A -O OCR-D-B"


@pytest.mark.parametrize("page_wise", [True, False])
def test_a_report_tells_of_pages_causes_times_and_versions(server: Server, book: Path, page_wise: bool) -> None:
    run_id = str(server.run_workflow(book, WORKFLOW, page_wise=page_wise)["job_id"])
    assert server.wait_for_run(run_id) == "FAILED"
    report = server.client.get(f"/workflow/job/{run_id}/report").json()
    assert (report["run_id"], report["state"], report["path_to_mets"]) == (run_id, "FAILED", str(book))
    assert {page["page_id"]: page["states"] for page in report["pages"]} == {
        "P1": ["SUCCESS", "SUCCESS"], "P2": ["FAILED", "CANCELLED"], "P3": ["SUCCESS", "SUCCESS"],
    }  # fmt: skip
    trouble = report["troubles"][0]
    assert (trouble["cause"], trouble["pages"]) == ("EXCEPTION", ["P2"])
    dummy = report["steps"][1]
    assert dummy["version"]
    if page_wise:
        assert 0 < dummy["seconds"]["least"] <= dummy["seconds"]["median"] <= dummy["seconds"]["most"]
        assert dummy["peak_memory"] > 1_000_000


def test_the_command_writes_one_html_file_or_json(server: Server, book: Path) -> None:
    run_id = str(server.run_workflow(book, WORKFLOW, page_wise=True)["job_id"])
    server.wait_for_run(run_id)
    command = [sys.executable, "-m", "offizin", "report", run_id[:12], "--server", server.url, "-o"]
    file = book.parent / "report.html"
    subprocess.run([*command, file], check=True, capture_output=True)
    assert file.read_text().startswith("<!DOCTYPE html>")
    assert "EXCEPTION" in file.read_text()
    told = subprocess.run([*command, "-", "--json"], check=True, capture_output=True).stdout
    assert json.loads(told)["troubles"] == server.client.get(f"/workflow/job/{run_id}/report").json()["troubles"]
    refused = subprocess.run(
        [*command, book.parent / "nowhere/report.html"], capture_output=True, text=True, check=False
    )
    assert (refused.returncode, "cannot be written" in refused.stderr) == (2, True)


def test_there_is_no_report_of_an_unknown_run(server: Server) -> None:
    assert server.client.get("/workflow/job/nobody/report").status_code == 404


def test_pictures_are_small_and_what_cannot_be_read_or_lies_outside_has_none(tmp_path: Path) -> None:
    mets = make_book(tmp_path / "book", 3)
    images = sorted((tmp_path / "book/OCR-D-IMG").glob("*.png"))
    Image.new("I;16", (3000, 2000)).save(images[0])
    images[1].write_bytes(b"no image")
    images[2].rename(tmp_path / "outside.png")
    images[2].symlink_to(tmp_path / "outside.png")
    found = pictures_of(mets, ["P1", "P2", "P3"])
    assert list(found) == ["P1"]
    assert found["P1"].startswith("data:image/jpeg;base64,")
    assert len(found["P1"]) < LONGEST_SIDE * LONGEST_SIDE
