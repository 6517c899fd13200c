"""The reference's own client against our server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.behaviour.processes import Server


def stock_client(server: Server, *arguments: str) -> str:
    """What `ocrd network client` prints."""
    environment = {**os.environ, "OCRD_NETWORK_CLIENT_POLLING_SLEEP": "1"}
    group, command, *rest = arguments
    done = subprocess.run(
        [Path(sys.executable).parent / "ocrd", "network", "client", group, command, "--address", server.url, *rest],
        capture_output=True, text=True, env=environment, timeout=110, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_processors_are_discovered(server: Server) -> None:
    assert "ocrd-dummy" in json.loads(stock_client(server, "discovery", "processors"))
    assert json.loads(stock_client(server, "discovery", "processor", "ocrd-dummy"))["executable"] == "ocrd-dummy"


def test_a_job_is_run_and_looked_at(server: Server, book: Path) -> None:
    printed = stock_client(
        server, "processing", "run", "ocrd-dummy", "-m", str(book), "-I", "OCR-D-IMG", "-O", "OCR-D-OUT", "--block"
    )
    job_id = printed.split()[-1]
    assert "SUCCESS" in stock_client(server, "processing", "check-status", "-j", job_id)
    assert "processing page P1" in stock_client(server, "processing", "check-log", "-j", job_id)


def test_a_workflow_is_run_and_looked_at(server: Server, book: Path) -> None:
    printed = stock_client(
        server, "workflow", "run", "-m", str(book), "--page-wise", "--block",
        "dummy -I OCR-D-IMG -O OCR-D-A", "dummy -I OCR-D-A -O OCR-D-B",
    )  # fmt: skip
    assert "Workflow succeeded" in printed
    run_id = printed.splitlines()[0].split()[-1]
    assert "SUCCESS" in stock_client(server, "workflow", "check-status", "-j", run_id)
    assert server.summary(run_id)["steps"][1]["counts"] == {"SUCCESS": 3}


def test_an_error_is_shown_in_our_words(server: Server) -> None:
    with pytest.raises(AssertionError, match=r"(there is no|no worker has the) processor ocrd-unknown"):
        stock_client(server, "discovery", "processor", "ocrd-unknown")
