"""``offizin serve CONFIG`` starts what the configuration names, on two hosts, and ``POST /stop`` leaves nothing."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
import yaml

from offizin.deployment.pids import MARK
from tests.rabbitmq_server import free_ports, program
from tests.sshd_server import ADDRESS, SshdServer

SECONDS = 60


class Served:
    """``offizin serve`` in a process of its own."""

    def __init__(self, home: Path, config: Path, port: int) -> None:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("OFFIZIN_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "offizin", "serve", config, "--home", home, "--address", f"127.0.0.1:{port}"],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 (one call into C, nothing that could wait for a lock)
        )  # fmt: skip
        self.lines: list[str] = []
        self._said = threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._said:
                self.lines.append(line)
                self._said.notify_all()
        with self._said:
            self.lines.append("")
            self._said.notify_all()

    def says(self, text: str, times: int = 1) -> str:
        """Wait for so many lines with this text; the last of them."""

        def found() -> list[str]:
            return [line for line in self.lines if text in line]

        with self._said:
            self._said.wait_for(lambda: len(found()) >= times or self.lines[-1:] == [""], SECONDS)
            assert len(found()) >= times, "".join(self.lines)
            return found()[-1]

    @property
    def url(self) -> str:
        return self.says("Offizin listens at ").split("listens at ")[1].split()[0]


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="offizin-serve-", ignore_cleanup_errors=True) as directory:
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


def running(home: Path) -> dict[str, int]:
    """What the database says that has been started: pids by host and name."""
    database = sqlite3.connect(home / "offizin.sqlite")
    try:
        rows = database.execute("SELECT host, name, identity FROM deployed").fetchall()
    finally:
        database.close()
    return {f"{host} {name}": json.loads(identity)["pid"] for host, name, identity in rows}


def marked(before: set[int]) -> list[list[str]]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) and process.pid not in before:
                found.append(process.cmdline())
        except psutil.Error:
            pass
    return found


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG: also when pytest is killed


def test_a_killed_server_finds_all_again_and_stop_leaves_nothing(
    sshd_server: SshdServer, home: Path, config: Path
) -> None:
    before = set(psutil.pids())
    users = {account.name: sshd_server.processes_of(account) for account in sshd_server.accounts}
    (port,) = free_ports(1)
    server = Served(home, config, port)
    server.says("started worker on", times=len(users))
    first = running(home)
    assert len(first) == len(users) + 1  # RabbitMQ on this machine
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
    assert {account.name: sshd_server.processes_of(account) for account in sshd_server.accounts} == users
    assert "sesame" not in "".join(server.lines + again.lines)


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
