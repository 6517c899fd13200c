"""The reference's own client against our server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.behaviour.conftest import Gate
from tests.behaviour.processes import Server
from tests.behaviour.sizes import EMBEDDED

ONCE = pytest.mark.only(EMBEDDED, because="each call takes seconds, and the other sizes answer it in the same way")
SERVER_ADDRESS = "OCRD_NETWORK_SERVER_ADDR_PROCESSING"


def call(server: Server, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """``ocrd network client``, which finds the server by its own variable."""
    known = {SERVER_ADDRESS: server.url, "OCRD_NETWORK_CLIENT_POLLING_SLEEP": "1"}
    return subprocess.run(
        [Path(sys.executable).parent / "ocrd", "network", "client", *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, env={**os.environ, **known, **environment},
        timeout=110, check=False,
    )  # fmt: skip


def said(done: subprocess.CompletedProcess[str], code: int = 0) -> str:
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def id_in(printed: str) -> str:
    """As in ``Processing job id: …``, the first line."""
    return printed.splitlines()[0].split()[-1]


def run_dummy(server: Server, book: Path, *more: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return call(
        server, "processing", "run", "ocrd-dummy", "-m", str(book), "-I", "OCR-D-IMG", "-O", "OCR-D-OUT", *more,
        **environment,
    )  # fmt: skip


def test_processors_are_discovered(server: Server) -> None:
    assert "ocrd-dummy" in json.loads(said(call(server, "discovery", "processors")))
    told = said(call(server, "discovery", "processor", "--address", server.url, "ocrd-dummy", **{SERVER_ADDRESS: ""}))
    assert json.loads(told)["executable"] == "ocrd-dummy"


@pytest.mark.stock_file
def test_a_job_is_waited_for_and_looked_at(server: Server, book: Path) -> None:
    printed = said(run_dummy(server, book, "-g", "P1..P2", "-P", "copy_files", "true", "--block", "--print-state"))
    assert "SUCCESS" in printed
    job_id = id_in(printed)
    assert "SUCCESS" in said(call(server, "processing", "check-status", "-j", job_id))
    assert "preparing page P2" in said(call(server, "processing", "check-log", "-j", job_id))
    assert server.details(job_id)["parameters"] == {"copy_files": True}
    assert [page["page_id"] for page in server.details(job_id)["page_states"]] == ["P1", "P2"]


@ONCE
def test_a_job_is_sent_off_and_polled(server: Server, book: Path) -> None:
    job_id = id_in(said(run_dummy(server, book, "--parameter", '{"copy_files": false}')))
    server.wait_for_job(job_id)
    assert said(call(server, "processing", "check-status", "-j", job_id)).split()[-1] == "SUCCESS"


@ONCE
def test_who_waits_too_long_gives_up_and_the_job_goes_on(server: Server, book: Path, gate: Gate) -> None:
    parameters = json.dumps(gate.parameters)
    waited = call(
        server, "processing", "run", "ocrd-scripted", "-m", str(book), "-I", "OCR-D-IMG", "-O", "OCR-D-OUT",
        "--parameter", parameters, "--block", "--print-state", OCRD_NETWORK_CLIENT_POLLING_TIMEOUT="2",
    )  # fmt: skip
    job_id = id_in(waited.stdout)
    assert "SUCCESS" not in waited.stdout
    gate.lift()
    assert server.wait_for_job(job_id)["state"] == "SUCCESS"


def test_a_workflow_is_waited_for_and_looked_at(server: Server, book: Path) -> None:
    printed = said(call(
        server, "workflow", "run", "-m", str(book), "--page-wise", "--block", "--print-state",
        "dummy -I OCR-D-IMG -O OCR-D-A", "dummy -I OCR-D-A -O OCR-D-B",
    ))  # fmt: skip
    assert "Workflow succeeded" in printed
    run_id = id_in(printed)
    assert "SUCCESS" in said(call(server, "workflow", "check-status", "-j", run_id))
    assert "200" in said(call(server, "workflow", "check-status", "-v", "-j", run_id))  # it prints no more than that
    assert server.summary(run_id)["steps"][1]["counts"] == {"SUCCESS": 3}


@ONCE
def test_a_workflow_comes_from_a_file_and_is_polled(server: Server, book: Path, tmp_path: Path) -> None:
    file = tmp_path / "workflow.txt"
    file.write_text("dummy -I OCR-D-IMG -O OCR-D-A\n")
    run_id = id_in(said(call(server, "workflow", "run", "-m", str(book), "-w", str(file))))
    assert server.wait_for_run(run_id) == "SUCCESS"
    assert said(call(server, "workflow", "check-status", "-j", run_id)).split()[-1].strip("'}") == "SUCCESS"


@ONCE
def test_a_workflow_that_fails_ends_the_client_with_1(server: Server, book: Path) -> None:
    task = "scripted -I OCR-D-IMG -O OCR-D-A -P mode fail -P where P2"
    assert "FAILED" in said(call(server, "workflow", "run", "-m", str(book), "--block", task), code=1)


@ONCE
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["discovery", "processor", "ocrd-unknown"], "ocrd-unknown"),
        (["processing", "check-status", "-j", "none"], "there is no job none"),
        (["processing", "run", "ocrd-dummy", "-m", "/none/mets.xml"], "/none/mets.xml"),
    ],
)
def test_an_error_is_shown_in_our_words(server: Server, arguments: list[str], words: str) -> None:
    assert words in said(call(server, *arguments), code=1)
