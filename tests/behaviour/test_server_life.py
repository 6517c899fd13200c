"""How a server begins and ends."""

from __future__ import annotations

import asyncio
import signal
import socket
from pathlib import Path

import httpx
import pytest

from offizin.errors import HomeInUse, Unavailable
from offizin.processing_server import ProcessingServer
from offizin.settings import Settings
from tests.behaviour.conftest import Gate
from tests.behaviour.processes import Server
from tests.behaviour.sizes import EMBEDDED, Place

HOME = pytest.mark.only(EMBEDDED, because="a home is the same for all")


@pytest.fixture
def own(own_place: Place) -> Server:
    """A server of this test alone; the test ends it."""
    return own_place.server()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_well(own: Server, own_place: Place, book: Path, number: signal.Signals) -> None:
    own_place.staff()
    own.wait_for_job(own.run_job(book))
    with own.client.stream("GET", "/events") as stream:
        lines = stream.iter_lines()
        next(lines)
        own.process.send_signal(number)
        assert "data" not in "".join(lines)
    assert own.process.wait(30) == 0
    assert not (own.home / "address").exists()


def test_stop_is_answered_and_ends_the_server(own: Server) -> None:
    answer = own.client.post("/stop")
    assert (answer.status_code, answer.json()) == (200, None)
    assert own.process.wait(30) == 0


def test_a_drained_server_finishes_what_runs_and_begins_nothing(
    own: Server, own_place: Place, book: Path, gate: Gate
) -> None:
    own_place.staff()
    first = own.run_job(book, "ocrd-scripted", parameters=gate.parameters, page_id="P1")
    then = own.run_job(book, input_file_grps=["OCR-D-OUT"], output_file_grps=["OCR-D-THEN"], page_id="P1")
    with own.client.stream("GET", f"/processor/log/{first}", params={"follow": True}) as stream:
        next(line for line in stream.iter_lines() if line.startswith("waiting"))
        assert own.client.post("/stop", params={"mode": "drain"}).status_code == 200
        assert own.client.get("/healthz").status_code == 200
        gate.lift()
    assert own.process.wait(30) == 0
    again = own_place.server()
    assert again.wait_for_job(then)["state"] == "SUCCESS"
    assert again.wait_for_job(first)["state"] == "SUCCESS"
    assert [again.details(job)["attempt"] for job in (first, then)] == [1, 1]
    assert again.stop() == 0


@HOME
def test_an_unknown_way_to_stop_is_refused(own: Server) -> None:
    assert own.client.post("/stop", params={"mode": "perhaps"}).status_code == 422
    assert own.client.post("/stop", params={"mode": "leave"}).status_code == 200
    assert own.process.wait(30) == 0


def test_a_followed_log_ends_with_the_server_and_its_job_is_done_after_a_restart(
    own: Server, own_place: Place, book: Path, gate: Gate
) -> None:
    own_place.staff()
    job_id = own.run_job(book, "ocrd-scripted", parameters=gate.parameters, page_id="P1")
    with own.client.stream("GET", f"/processor/log/{job_id}", params={"follow": True}) as stream:
        lines = stream.iter_lines()
        next(line for line in lines if line.startswith("waiting"))
        own.client.post("/stop")
        list(lines)
    assert own.process.wait(30) == 0
    again = own_place.server()
    gate.open()
    assert again.wait_for_job(job_id)["state"] == "SUCCESS"
    assert again.stop() == 0


@HOME
def test_the_address_of_the_server_is_in_its_home(own: Server) -> None:
    assert (own.home / "address").read_text() == own.url
    own.stop()


@HOME
def test_two_servers_do_not_share_a_home(own: Server) -> None:
    with pytest.raises(HomeInUse, match=own.url):
        ProcessingServer(settings=Settings(home=own.home, port=0)).start()
    own.stop()


def test_a_port_in_use_is_said_clearly(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(Unavailable, match=f"127.0.0.1:{port}: Address already in use"):
            ProcessingServer(None, "127.0.0.1", port, settings=Settings(home=tmp_path)).start()


def test_a_host_that_is_not_of_this_machine_is_said_clearly(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"192\.0\.2\.1"):
        ProcessingServer(None, "192.0.2.1", 0, settings=Settings(home=tmp_path)).start()


async def test_without_its_lifespan_a_server_says_that_it_does_not_run(tmp_path: Path) -> None:
    server = ProcessingServer(settings=Settings(home=tmp_path))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(server), base_url="http://offizin") as client:
        answer = await client.get("/processor")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        async with server.running():
            assert (await client.get("/healthz")).json()["status"] == "ok"
        assert (await client.get("/healthz")).status_code == 503


async def test_the_shutdown_hook_of_a_subclass_is_called_while_everything_is_there(tmp_path: Path) -> None:
    seen = []

    class Noting(ProcessingServer):
        async def on_shutdown(self) -> None:
            seen.append(await self.list_processors())

    server = Noting(settings=Settings(home=tmp_path))
    async with server.router.lifespan_context(server):
        pass
    assert len(seen) == 1
    assert "ocrd-dummy" in seen[0]


async def test_a_configuration_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFIZIN_HOME", str(tmp_path / "home"))
    (tmp_path / "offizin.yml").write_text("slots: 1\nport: 4711\n")
    server = ProcessingServer(str(tmp_path / "offizin.yml"))
    assert (server.settings.slots, server.port, server.settings.home) == (1, 4711, tmp_path / "home")
    assert ProcessingServer(None, "localhost", 99, settings=server.settings).port == 99


async def test_serve_ends_when_its_task_is_cancelled(tmp_path: Path) -> None:
    listening = asyncio.Event()

    class Noting(ProcessingServer):
        def on_listening(self, url: str) -> None:
            super().on_listening(url)
            listening.set()

    server = Noting(settings=Settings(home=tmp_path, port=0))
    task = asyncio.create_task(server.serve())
    await asyncio.wait_for(listening.wait(), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not (tmp_path / "address").exists()
