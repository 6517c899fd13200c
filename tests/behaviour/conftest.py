"""The library of tests that look at Offizin from outside: a server, books, and waiting without sleeping."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.behaviour.books import make_book
from tests.behaviour.scripted_processors import write_processor

_FINAL = {"SUCCESS", "FAILED", "CANCELLED"}
_START = """
import ctypes
import json
import signal
import sys
from pathlib import Path
from offizin.processing_server import ProcessingServer
from offizin.settings import Settings, Store
from offizin.settings.database_url import DatabaseUrl

class Announcing(ProcessingServer):
    def on_listening(self, url):
        super().on_listening(url)
        print(url, flush=True)

ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG: end with the tests, however they end
home = Path(sys.argv[1])
processors = (home.parent / "processors",)
more = json.loads(sys.argv[3])
if "store" in more:
    more["store"] = Store(DatabaseUrl.parse(more["store"], {}))
settings = Settings(home=home, port=int(sys.argv[2]), slots=2, processor_directories=processors, **more)
Announcing(settings=settings).start()
"""
_SCRIPTED = """
    class Scripted(Described):
        def process_page_file(self, *files):
            mode, where, page = self.parameter["mode"], self.parameter["where"], files[0].pageId
            if mode == "wait":
                sys.stdout.buffer.write(b"waiting \\xff\\n")
                sys.stdout.flush()
                Path(where).read_bytes()  # of a FIFO: until somebody opens it for writing
            if mode == "fail" and page == where:
                raise ValueError("the ink is too pale")
            if mode == "fail while there" and Path(where).exists():
                raise ValueError("it is there")
            super().process_page_file(*files)

        def process_page_pcgts(self, *pages, page_id=None):
            return OcrdPageResult(pages[0])
"""


class Server:
    """A server in a process of its own. ``client`` talks to it; ``url`` is where it is.

    Beside what is installed it has ocrd-scripted, which does what its parameters ``mode`` and ``where`` say.
    """

    def __init__(self, home: Path, port: int = 0, **settings: Any) -> None:
        self.home = home
        processors = home.parent / "processors"
        if not processors.exists():
            processors.mkdir()
            write_processor(processors, _SCRIPTED)
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _START, str(home), str(port), json.dumps(settings)],
            stdout=subprocess.PIPE, text=True, env=environment, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        assert self.url, "the server did not start"
        self.client = httpx.Client(base_url=self.url, timeout=60)

    def stop(self) -> int:
        """End it gracefully; its exit code."""
        self.client.close()
        self.process.terminate()
        code = self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def run_job(self, mets: Path, processor: str = "ocrd-dummy", **body: Any) -> str:
        """Submit a job; its id."""
        body = {"input_file_grps": ["OCR-D-IMG"], "output_file_grps": ["OCR-D-OUT"], **body}
        answer = self.client.post(f"/processor/run/{processor}", json={"path_to_mets": str(mets), **body})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["job_id"])

    def run_workflow(self, mets: Path, workflow: str, **params: Any) -> dict[str, Any]:
        """Submit a workflow; the answer."""
        answer = self.client.post(
            "/workflow/run", params={"mets_path": str(mets), **params}, files={"workflow": ("w.txt", workflow)}
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def summary(self, run_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get(f"/workflow/job/{run_id}/summary").json()
        return found

    def wait_for(self, run_id: str, *, job: str, state: str) -> None:
        """Until the job is in this state."""
        for event in self.events(after=0, run=run_id):
            if any(change["job"] == job and change["state"] == state for change in event["changes"]):
                return

    def wait_for_run(self, run_id: str) -> str:
        """The state the run ends in."""
        for event in self.events(after=0, run=run_id):
            for change in event["changes"]:
                if not change["job"] and change["state"] in _FINAL:
                    return str(change["state"])
        raise AssertionError("the events ended before the run did")

    def wait_for_job(self, job_id: str) -> dict[str, Any]:
        """What is shown of a job submitted by itself once it is over."""
        run_id = self.client.get(f"/processor/job/{job_id}/details").json()["run_id"]
        self.wait_for_run(run_id)
        found: dict[str, Any] = self.client.get(f"/processor/job/{job_id}").json()
        return found

    def events(self, **params: Any) -> Iterator[dict[str, Any]]:
        with self.client.stream("GET", "/events", params=params) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))


@pytest.fixture(scope="module", params=["embedded"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server of each size, shared by the tests of a module."""
    running = Server(tmp_path_factory.mktemp(request.param) / "home")
    yield running
    assert running.stop() == 0


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """The METS of a book of three pages."""
    return make_book(tmp_path / "book", 3)


@dataclass(frozen=True)
class Gate:
    """Holds back jobs of ocrd-scripted with the parameters ``mode`` wait and ``where`` ``path``."""

    path: Path

    @property
    def parameters(self) -> dict[str, str]:
        return {"mode": "wait", "where": str(self.path)}

    def open(self) -> None:
        """Let the one go on that waits, or comes to wait."""
        self.path.write_bytes(b"")

    def lift(self) -> None:
        """Let all go on, from now on."""
        writer = os.open(self.path, os.O_RDWR)  # who waits for one waits for its end now
        in_its_place = self.path.with_suffix(".lifted")
        in_its_place.touch()
        in_its_place.replace(self.path)
        os.close(writer)


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    os.mkfifo(tmp_path / "gate")
    return Gate(tmp_path / "gate")
