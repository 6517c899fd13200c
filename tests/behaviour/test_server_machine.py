"""What a server tells of itself and of its processors."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from offizin import __version__
from offizin.processing_server import ProcessingServer
from offizin.processors.discovery import Discovery
from offizin.settings import Settings
from tests.behaviour.processes import Server
from tests.behaviour.scripted_processors import write_processor
from tests.behaviour.sizes import EMBEDDED


@pytest.mark.only(EMBEDDED, because="elsewhere runners belong to workers")
def test_health_tells_of_runners_and_of_where_the_time_goes(server: Server, book: Path) -> None:
    server.wait_for_job(server.run_job(book))
    health = server.client.get("/healthz").json()
    assert (health["status"], health["version"], health["slots"], health["runs_live"]) == ("ok", __version__, 2, 0)
    assert "ocrd-dummy" in {runner["processor"] for runner in health["runners"]}
    assert all(Path(f"/proc/{runner['pid']}").exists() for runner in health["runners"])
    timings = {timing["part"]: timing for timing in health["timings"]}
    assert timings["validate"]["count"] >= 1
    assert timings["validate"]["seconds"] > 0


async def test_processors_are_described(tmp_path: Path) -> None:
    directory = tmp_path / "processors"
    directory.mkdir()
    write_processor(directory, "class Scripted(Described): pass")
    (directory / "ocrd-none").write_text("#!/bin/sh\necho hello\n")
    (directory / "ocrd-none").chmod(0o755)
    server = ProcessingServer(settings=Settings(home=tmp_path / "home"))
    transport = httpx.ASGITransport(server)
    async with server.running() as offizin, httpx.AsyncClient(transport=transport, base_url="http://offizin") as client:
        offizin.processors = Discovery([directory], tmp_path / "tools.json", "")
        [found] = (await client.get("/processors")).json()["processors"]
        assert (await client.get("/processor")).json() == ["ocrd-none", "ocrd-scripted"]
    assert found == {
        "name": "ocrd-scripted",
        "executable": str(directory / "ocrd-scripted"),
        "version": "0.7",
        "description": "does what a test wants",
        "independent_pages": None,
        "plain": None,
        "loaded": 0,
    }


def test_the_machine_and_its_workers_are_discovered(server: Server, book: Path) -> None:
    server.wait_for_job(server.run_job(book))
    found = server.client.get("/discovery").json()
    assert found["ram"] > 0
    assert found["cpu_cores"] > 0
    assert found["has_cuda"] == bool(found["cuda_version"])
    assert "ocrd-dummy" in {name for host in found["hosts"] for name in host["processors"]}


@pytest.mark.only(EMBEDDED, because="a worker's models are not listed yet")
def test_a_processor_tells_its_models(server: Server) -> None:
    told = server.client.get("/processor/info/ocrd-dummy/models").json()
    assert told["processor_name"] == "ocrd-dummy"
    assert isinstance(told["models"], list)
    assert server.client.get("/processor/info/ocrd-unknown/models").status_code == 404
