"""A runner that is killed in the middle of a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.behaviour.processes import Server
from tests.behaviour.scripted_processors import write_processor

_TORN = """
    class Scripted(Described):
        def process_page_pcgts(self, *pages, page_id=None):
            once = Path(self.parameter["where"])
            if not once.exists():
                once.touch()
                group = Path(self.output_file_grp)
                group.mkdir(exist_ok=True)
                (group / f".{group}_{page_id}.xml.{os.getpid()}-1.part").write_text("<PcGts")
                os.kill(os.getpid(), signal.SIGKILL)
            return OcrdPageResult(pages[0])
"""


@pytest.fixture
def torn_server(tmp_path: Path) -> Iterator[Server]:
    processors = tmp_path / "server" / "processors"
    processors.mkdir(parents=True)
    write_processor(processors, _TORN)
    running = Server(tmp_path / "server" / "home")
    yield running
    assert running.stop() == 0


def test_what_a_killed_runner_was_writing_does_not_stay(torn_server: Server, book: Path, tmp_path: Path) -> None:
    parameters = json.dumps({"where": str(tmp_path / "once")})
    workflow = f"scripted -I OCR-D-IMG -O OUT -p '{parameters}'"
    run = torn_server.run_workflow(book, workflow, page_wise=True, page_id="P1")
    assert torn_server.wait_for_run(run["job_id"]) == "SUCCESS"
    [job] = torn_server.client.get("/processor/jobs", params={"run": run["job_id"]}).json()["jobs"]
    assert job["attempt"] == 2
    assert [path.name for path in (book.parent / "OUT").iterdir()] == ["OUT_P1.xml"]
