"""The whole of it: one file, ``offizin serve``, real workers on two hosts, a killed server, and nothing left behind."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
import yaml
from lxml import etree

from offizin.deployment.pids import MARK
from tests.behaviour.books import make_book
from tests.behaviour.served import SECONDS, Served
from tests.rabbitmq_server import free_ports, program
from tests.sshd_server import ADDRESS, OTHER_ADDRESS, SshdServer

ROOT = Path(__file__).parents[2]
PAGES = 12
STEPS = 3
WORKFLOW = "\n".join(
    f"dummy -I {'OCR-D-IMG' if number == 0 else f'OUT-{number}'} -O OUT-{number + 1}" for number in range(STEPS)
)


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="offizin-whole-", ignore_cleanup_errors=True) as directory:
        yield Path(directory)
        for process in left_of(Path(directory)):
            process.kill()


@pytest.fixture
def config(sshd_server: SshdServer, home: Path) -> Path:
    """The present user logs in at two addresses: other users may not be able to use this Python."""
    if program("rabbitmq-server") is None:
        pytest.skip("RabbitMQ is not installed (apt-get install rabbitmq-server)")
    offizin = home / "offizin"
    environment = {"PYTHONPATH": str(ROOT), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    exports = "".join(f"export {key}={shlex.quote(value)}\n" for key, value in environment.items())
    offizin.write_text(f'#!/bin/sh\n{exports}exec {shlex.quote(sys.executable)} -m offizin "$@"\n')
    offizin.chmod(0o755)
    shutil.rmtree(sshd_server.directory / "data", ignore_errors=True)
    login = {
        "port": sshd_server.port, "known_hosts": str(sshd_server.known_hosts), "username": sshd_server.present.name,
        "path_to_privkey": str(sshd_server.key), "offizin": str(offizin),
        "workers": [{"name": "ocrd-dummy", "number_of_instance": 1}],
    }  # fmt: skip
    hosts = [{"address": address, **login} for address in (ADDRESS, OTHER_ADDRESS)]
    queue = {"address": "127.0.0.1", "port": free_ports(1)[0], "credentials": {"username": "me", "password": "sesame"}}
    file = home / "cluster.yml"
    file.write_text(yaml.safe_dump({"process_queue": queue, "hosts": hosts}))
    return file


def left_of(home: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) and str(home) in " ".join([*process.cmdline(), *process.environ().values()]):
                found.append(process)
        except psutil.Error:
            pass
    return found


def test_a_run_on_two_hosts_survives_the_server_and_stop_leaves_nothing(
    sshd_server: SshdServer, home: Path, config: Path
) -> None:
    mets = make_book(home / "book", PAGES)
    (port,) = free_ports(1)
    server = Served(home / "home", config, port)
    server.says("started worker on", times=2)
    client = httpx.Client(base_url=server.url, timeout=SECONDS)
    until_processors_are_there(client)
    answer = client.post(
        "/workflow/run",
        params={"mets_path": str(mets), "page_wise": True}, files={"workflow": ("w.txt", WORKFLOW)},
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    run = answer.json()["job_id"]
    until_the_end(client, run, at_most=PAGES)
    server.process.send_signal(signal.SIGKILL)
    server.process.wait(SECONDS)

    again = Served(home / "home", config, port)
    again.says("still runs from before", times=3)
    client = httpx.Client(base_url=again.url, timeout=SECONDS)
    assert until_the_end(client, run) == "SUCCESS"
    places = list((sshd_server.directory / "data/offizin/workers").glob("*/*"))
    assert len(places) == 2
    assert all(list((place / "logs/runners").iterdir()) for place in places)  # both have worked
    assert httpx.post(f"{again.url}/stop").status_code == 200
    assert again.process.wait(SECONDS + 60) == 0
    assert left_of(home) == []
    names = etree.parse(mets).xpath("//*[local-name()='fileGrp'][starts-with(@USE, 'OUT-')]/*/@ID")
    assert isinstance(names, list)
    assert len(names) >= PAGES * STEPS


def until_processors_are_there(client: httpx.Client) -> None:
    """Workers introduce themselves through the queue."""
    with client.stream("GET", "/events") as answer:
        lines = answer.iter_lines()
        while "ocrd-dummy" not in client.get("/processor").json():
            next(lines)


def until_the_end(client: httpx.Client, run: str, at_most: int | None = None) -> str:
    """Until so many jobs are over, or the run is; its state then."""
    over = 0
    with client.stream("GET", "/events", params={"after": 0, "run": run}) as answer:
        for line in answer.iter_lines():
            if line.startswith("data: "):
                for change in json.loads(line.removeprefix("data: "))["changes"]:
                    if change["state"] in ("SUCCESS", "FAILED", "CANCELLED"):
                        over += 1
                        if not change["job"]:
                            return str(change["state"])
                if at_most is not None and over >= at_most:
                    return ""
    raise AssertionError("the events ended before the run did")
