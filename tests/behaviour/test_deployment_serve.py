"""``offizin serve CONFIG`` starts what the configuration names, on two hosts, and ``POST /stop`` leaves nothing."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
import yaml

from offizin.deployment.pids import MARK
from tests.behaviour.served import SECONDS, Served, running
from tests.postgresql_cluster import programs
from tests.rabbitmq_server import free_ports, program
from tests.sshd_server import ADDRESS, SshdServer


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="offizin-serve-", ignore_cleanup_errors=True) as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)
        if (Path(directory) / "offizin.sqlite").exists():
            for pid in running(Path(directory)).values():
                with contextlib.suppress(ProcessLookupError, TypeError):
                    os.killpg(pid, signal.SIGKILL)


@pytest.fixture
def config(sshd_server: SshdServer, home: Path) -> Path:
    """Stand-ins for workers: what they do is tested elsewhere."""
    if program("rabbitmq-server") is None:
        pytest.skip("RabbitMQ is not installed (apt-get install rabbitmq-server)")
    hosts = []
    for account in sshd_server.accounts:
        stand_in = sshd_server.directory / f"offizin-{account.name}"
        stand_in.write_text("#!/bin/sh\nsleep 100000 & wait\n")
        stand_in.chmod(0o755)
        hosts.append({
            "address": ADDRESS, "port": sshd_server.port, "known_hosts": str(sshd_server.known_hosts),
            "username": account.name, "path_to_privkey": str(sshd_server.key), "offizin": str(stand_in),
            "workers": [{"name": "ocrd-dummy", "number_of_instance": 2, "deploy_type": "native"}],
        })  # fmt: skip
    file = home / "cluster.yml"
    queue = {
        "address": "127.0.0.1", "port": free_ports(1)[0], "credentials": {"username": "me", "password": "open-sesame"},
    }  # fmt: skip
    file.write_text(yaml.safe_dump({"process_queue": queue, "hosts": hosts}))
    return file


def marked(before: set[int]) -> list[list[str]]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) and process.pid not in before:
                found.append(process.cmdline())
        except psutil.Error:
            pass
    return found


def test_a_killed_server_finds_all_again_and_stop_leaves_nothing(
    sshd_server: SshdServer, home: Path, config: Path
) -> None:
    before = set(psutil.pids())
    own = [account for account in sshd_server.accounts if account.password is not None]  # nobody else uses these
    users = {account.name: sshd_server.processes_of(account) for account in own}
    (port,) = free_ports(1)
    server = Served(home, config, port)
    server.says("started worker on", times=len(sshd_server.accounts))
    first = running(home)
    assert len(first) == len(sshd_server.accounts) + 1  # RabbitMQ on this machine
    assert all(map(psutil.pid_exists, first.values()))
    server.process.send_signal(signal.SIGKILL)
    server.process.wait(SECONDS)
    assert all(map(psutil.pid_exists, first.values()))

    again = Served(home, config, port)
    again.says("still runs from before", times=len(first))
    assert httpx.get(again.url).status_code == 200
    assert running(home) == first
    assert httpx.post(f"{again.url}/stop").status_code == 200
    assert again.process.wait(SECONDS) == 0
    assert running(home) == {}
    assert marked(before) == []
    assert {account.name: sshd_server.processes_of(account) for account in own} == users
    assert "sesame" not in "".join(server.lines + again.lines)


def test_what_a_server_leaves_is_found_by_the_next_one(sshd_server: SshdServer, home: Path, config: Path) -> None:
    before = set(psutil.pids())
    (port,) = free_ports(1)
    server = Served(home, config, port)
    server.says("started worker on", times=len(sshd_server.accounts))
    left = running(home)
    assert httpx.post(f"{server.url}/stop", params={"mode": "leave"}).status_code == 200
    assert server.process.wait(SECONDS) == 0
    assert running(home) == left
    assert all(map(psutil.pid_exists, left.values()))

    again = Served(home, config, port)
    again.says("still runs from before", times=len(left))
    assert httpx.post(f"{again.url}/stop").status_code == 200
    assert again.process.wait(SECONDS) == 0
    assert running(home) == {}
    assert marked(before) == []


def test_a_mistake_is_told_before_anything_is_started(home: Path, config: Path) -> None:
    content = yaml.safe_load(config.read_text())
    content["hosts"][0]["workers"].append({"name": "ocrd-other", "deploy_type": "docker"})
    config.write_text(yaml.safe_dump(content))
    server = Served(home, config, 0)
    assert server.process.wait(SECONDS) == 2
    line = server.says("image is missing")
    assert "cluster.yml, line" in line
    assert "hosts[0].workers[1]" in line
    assert not (home / "offizin.sqlite").exists()


def test_the_database_is_started_before_it_is_needed_and_ended_last(home: Path) -> None:
    if programs() is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    (port,) = free_ports(1)
    store = {"url": f"postgresql://me:open-sesame@127.0.0.1:{port}/books", "skip_deployment": False}
    config = home / "store.yml"
    config.write_text(yaml.safe_dump({"store": store}))
    before = set(psutil.pids())
    for _ in range(2):
        server = Served(home, config, 0)
        assert httpx.get(server.url).status_code == 200
        server.says("started PostgreSQL")
        assert httpx.post(f"{server.url}/stop").status_code == 200
        assert server.process.wait(SECONDS) == 0
        assert marked(before) == []
        assert "sesame" not in "".join(server.lines)
    assert not (home / "offizin.sqlite").exists()
