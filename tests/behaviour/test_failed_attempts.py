"""Each failed attempt is kept with where it was made and what it took, also when its runner could not say so."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.behaviour.processes import Server
from tests.behaviour.scripted_processors import write_processor
from tests.behaviour.sizes import Place

# It takes so long that its memory is seen before it dies.
_FAILING = """
    class Scripted(Described):
        def process_page_file(self, *files):
            time.sleep(0.3)
            if self.parameter["mode"] == "full":
                raise RuntimeError("cannot write: No space left on device")
            if self.parameter["mode"] == "crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            try:
                raise OSError("image file is truncated (3 bytes not processed)")
            except OSError as error:
                raise ValueError("no picture") from error

        def process_page_pcgts(self, *pages, page_id=None):
            raise NotImplementedError
"""


@pytest.fixture(scope="module")
def server(shared_place: Place) -> Iterator[Server]:
    write_processor(shared_place.processors, _FAILING, "ocrd-failing")
    running = shared_place.server()
    shared_place.staff(("ocrd-dummy:2", "ocrd-failing:2"))
    yield running
    assert running.stop() == 0


def run(server: Server, book: Path, mode: str) -> str:
    return server.run_job(book, "ocrd-failing", page_id="P1", parameters={"mode": mode})


@pytest.mark.parametrize(("mode", "cause"), [("", "BAD_IMAGE"), ("crash", "CRASH")])
def test_a_failed_attempt_tells_cause_host_process_time_and_memory(
    server: Server, book: Path, mode: str, cause: str
) -> None:
    job = run(server, book, mode)
    assert server.wait_for_job(job)["state"] == "FAILED"
    details = server.details(job)
    [attempt] = details["attempts"]
    assert (attempt["cause"], attempt["host"], attempt["again"]) == (cause, socket.gethostname(), False)
    assert attempt["runner"] > 0
    assert attempt["peak_memory"] > 10_000_000
    assert attempt["seconds"] >= 0.3
    [failure] = server.client.get(f"/workflow/job/{details['run_id']}/failures").json()["failures"]
    for name in ("host", "runner", "peak_memory", "cause"):
        assert failure[name] == attempt[name]
    command = [sys.executable, "-m", "offizin", "status", details["run_id"], "--server", server.url]
    said = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "COLUMNS": "200"})
    assert f"on {socket.gethostname()}, process {attempt['runner']}, after" in said.stdout


def test_what_met_a_full_disk_is_tried_later_and_at_once_when_somebody_asks(server: Server, book: Path) -> None:
    job = run(server, book, "full")
    run_id = server.details(job)["run_id"]
    server.wait_for_attempts(job, 1)
    details = server.details(job)
    assert (details["state"], details["cause"], details["attempts"][0]["again"]) == ("CACHED", "DISK_FULL", True)
    assert server.client.post(f"/workflow/job/{run_id}/retry").json()["jobs"] == 1
    server.wait_for_attempts(job, 2)
    assert server.client.delete(f"/workflow/job/{run_id}").json()["cancelled"] == 1
    assert server.wait_for_run(run_id) == "CANCELLED"
