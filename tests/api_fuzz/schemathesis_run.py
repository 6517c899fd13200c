"""One run of schemathesis over our OpenAPI document, with all its checks, against a server of its own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.api_fuzz.server import make_books

LOG = "server.log"
ROOT = Path(__file__).parents[2]
CONFIG = """\
hooks = "tests.api_fuzz.hooks"
max-failures = 50
request-timeout = 30.0
continue-on-failure = true

[cache]
enabled = false

[dictionaries.books]
values = {books}

[dictionaries.processors]
values = ["ocrd-dummy"]

[dictionaries.jobs]
values = ["{job}"]

[dictionaries.runs]
values = ["{run}"]

[dictionaries.workflows]
values = ["{workflow}"]

[parameters]
"path.job_id" = {{ dictionary = "jobs", probability = 0.5 }}
"path.run_id" = {{ dictionary = "runs", probability = 0.5 }}
"path.workflow_job_id" = {{ dictionary = "runs", probability = 0.5 }}
"path.workflow_id" = {{ dictionary = "workflows", probability = 0.5 }}
"query.mets_path" = {{ dictionary = "books", probability = 0.5 }}
"body.path_to_mets" = {{ dictionary = "books", probability = 0.5 }}
"path.processor_name" = {{ dictionary = "processors", probability = 0.7 }}

# What a schema cannot say is told by 400, 406, 422 and 501: an unknown page, a METS that is none, a workflow with a
# mistake. What is not there is a 404, for the reference a 422.
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 400, 401, 403, 404, 406, 409, 410, 413, 422, 501]

[checks]
max_response_time = 30.0

# DELETE of a job or run cancels it, and it is still shown.
[[operations]]
include-path-regex = "^/(processor|workflow)/"
checks.use_after_free.enabled = false

[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", 501]
"""


@dataclass(frozen=True)
class Outcome:
    """How many requests were made, to how many operations, and how many ways to fail were found. ``output``: what
    schemathesis and the server said."""

    version: str
    cases: int
    operations: int
    failures: int
    sound: bool
    output: str


def run(max_examples: int, seed: int) -> Outcome:
    """``max_examples``: how many requests of each kind for each operation, at most."""
    with tempfile.TemporaryDirectory(prefix="offizin-fuzz-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        books = make_books(directory)
        config = directory / "schemathesis.toml"
        report = directory / "report.json"
        with _server(directory) as url:
            known = _prepare(url, books[0])
            config.write_text(CONFIG.format(books=json.dumps([str(book) for book in books]), **known))
            ended = subprocess.run(
                [
                    Path(sys.executable).with_name("schemathesis"), "--no-color", "--config-file", config,
                    "run", f"{url}/openapi.json", "--checks", "all", "--max-examples", str(max_examples),
                    "--seed", str(seed), "--report-json-path", report,
                ],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=directory,
                check=False, env={**os.environ, "PYTHONPATH": str(ROOT)},
            )  # fmt: skip
        told: dict[str, Any] = json.loads(report.read_text()) if report.exists() else {}
        return _outcome(ended, told, (directory / LOG).read_text())


def _prepare(url: str, book: Path) -> dict[str, str]:
    """What can be asked for: a workflow, a run and its job."""
    with httpx.Client(base_url=url, timeout=60) as client:
        text = {"workflow": b"dummy -I OCR-D-IMG -O OCR-D-DONE"}
        workflow = client.post("/workflow", files=text).json()["workflow_id"]
        run = client.post("/workflow/run", params={"mets_path": str(book), "workflow_id": workflow}).json()
        [[job]] = run["processing_job_ids"].values()
        return {"workflow": workflow, "run": run["job_id"], "job": job}


def _outcome(ended: subprocess.CompletedProcess[str], told: dict[str, Any], log: str) -> Outcome:
    cases = told.get("test_cases", {})
    return Outcome(
        version=told.get("schemathesis_version", ""),
        cases=cases.get("generated", 0),
        operations=told.get("operations", {}).get("tested", 0),
        failures=cases.get("unique_failures", 0) + cases.get("errored", 0),
        sound=ended.returncode == 0 and told.get("complete", False),
        output=f"{ended.stdout}\n{log}",
    )


@contextlib.contextmanager
def _server(directory: Path) -> Iterator[str]:
    with (directory / LOG).open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.api_fuzz.server", directory],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True, cwd=ROOT,
        )  # fmt: skip
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()
