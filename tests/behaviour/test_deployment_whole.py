"""The whole of it: one file, ``offizin serve``, real workers on two hosts, a killed server, and nothing left behind."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
import yaml
from lxml import etree

from offizin.deployment.pids import MARK
from tests.behaviour.books import make_book
from tests.behaviour.served import SECONDS, Served
from tests.podman_service import IMAGE, PodmanService
from tests.rabbitmq_server import free_ports, program
from tests.sshd_server import ADDRESS, OTHER_ADDRESS, Account, SshdServer

PACKAGES = os.pathsep.join([str(Path(__file__).parents[2]), *(path for path in sys.path if "-packages" in path)])
PAGES = 12
STEPS = 3
WORKFLOW = "\n".join(
    f"dummy -I {'OCR-D-IMG' if number == 0 else f'OUT-{number}'} -O OUT-{number + 1}" for number in range(STEPS)
)


@dataclass(frozen=True)
class Hosts:
    """``logins``: address, account and the command line of a Python that it may run."""

    logins: tuple[tuple[str, Account, str], ...]

    def workers(self, sshd: SshdServer, home: Path) -> list[Path]:
        """Where those of this server have their files."""
        owner = (home / "server").read_text().strip()
        homes = {account.home / ".local/share" for _, account, _ in self.logins} | {sshd.directory / "data"}
        return [place for data in homes for place in (data / "offizin/workers" / owner).glob("*")]


@pytest.fixture
def hosts(sshd_server: SshdServer) -> Hosts:
    """Two users; or the present one at two addresses, where others cannot run this Python or one that is like it."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    for python in (sys.executable, f"/usr/bin/python{version}"):
        if len(sshd_server.accounts) == 2 and all(_runs(python, account) for account in sshd_server.accounts):
            first, second = sshd_server.accounts
            return Hosts(((ADDRESS, first, python), (ADDRESS, second, python)))
    one = sshd_server.present
    shutil.rmtree(sshd_server.directory / "data", ignore_errors=True)
    return Hosts(((ADDRESS, one, sys.executable), (OTHER_ADDRESS, one, sys.executable)))


def _runs(python: str, account: Account) -> bool:
    command = [python, "-c", "import offizin, ocrd, lxml, aiormq"]
    try:
        done = subprocess.run(
            command, user=account.uid, group="users", extra_groups=[], env={"PYTHONPATH": PACKAGES}, check=False,
            capture_output=True,
        )  # fmt: skip
    except OSError:
        return False
    return done.returncode == 0


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="offizin-whole-", ignore_cleanup_errors=True) as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)
        for process in left_of(Path(directory)):
            process.kill()


@pytest.fixture
def book(home: Path) -> Path:
    """Which all users of the group may write."""
    mets = make_book(home / "book", PAGES)
    if os.getuid() == 0:
        for path in (mets.parent, *mets.parent.rglob("*")):
            shutil.chown(path, group="users")
            path.chmod(0o2775 if path.is_dir() else 0o664)
    return mets


@pytest.fixture
def config(sshd_server: SshdServer, home: Path, hosts: Hosts) -> Path:
    if program("rabbitmq-server") is None:
        pytest.skip("RabbitMQ is not installed (apt-get install rabbitmq-server)")
    entries = []
    for number, (address, account, python) in enumerate(hosts.logins):
        programs = home / f"programs-{number}"
        programs.mkdir()
        surroundings = (
            f'export PYTHONPATH={shlex.quote(PACKAGES)} PATH={shlex.quote(str(programs))}:"$PATH"\numask 002\n'
        )
        dummy = "from ocrd.processor.builtin.dummy_processor import cli; cli()"
        _script(programs / "offizin", f'{surroundings}exec {shlex.quote(python)} -m offizin "$@"\n')
        _script(programs / "ocrd-dummy", f'exec {shlex.quote(python)} -c {shlex.quote(dummy)} "$@"\n')
        entries.append({
            "address": address, "port": sshd_server.port, "known_hosts": str(sshd_server.known_hosts),
            "username": account.name, "path_to_privkey": str(sshd_server.key), "offizin": str(programs / "offizin"),
            "workers": [{"name": "ocrd-dummy", "number_of_instance": 1}],
        })  # fmt: skip
    queue = {"address": "127.0.0.1", "port": free_ports(1)[0], "credentials": {"username": "me", "password": "sesame"}}
    file = home / "cluster.yml"
    file.write_text(yaml.safe_dump({"process_queue": queue, "hosts": entries}))
    return file


def _script(file: Path, text: str) -> None:
    file.write_text(f"#!/bin/sh\n{text}")
    file.chmod(0o755)


def left_of(home: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) and str(home) in " ".join([*process.cmdline(), *process.environ().values()]):
                found.append(process)
        except psutil.Error:
            pass
    return found


@pytest.mark.parametrize("how", ["killed", pytest.param("stopped", marks=pytest.mark.long)])
def test_a_run_on_two_hosts_survives_the_server_and_stop_leaves_nothing(
    sshd_server: SshdServer, home: Path, config: Path, hosts: Hosts, book: Path, how: str
) -> None:
    (port,) = free_ports(1)
    server = Served(home / "home", config, port)
    server.says("started worker on", times=2)
    client = httpx.Client(base_url=server.url, timeout=SECONDS)
    until_processors_are_there(client)
    answer = client.post(
        "/workflow/run",
        params={"mets_path": str(book), "page_wise": True}, files={"workflow": ("w.txt", WORKFLOW)},
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    run = answer.json()["job_id"]
    until_the_end(client, run, at_most=PAGES)
    if how == "killed":
        server.process.send_signal(signal.SIGKILL)
        server.process.wait(SECONDS)
    else:
        stop(server, home)

    again = Served(home / "home", config, port)
    again.says("still runs from before" if how == "killed" else "started ", times=3)
    assert until_the_end(httpx.Client(base_url=again.url, timeout=SECONDS), run) == "SUCCESS"
    places = hosts.workers(sshd_server, home / "home")
    assert len(places) == 2
    assert all(list((place / "logs/runners").iterdir()) for place in places)  # both have worked
    stop(again, home)
    names = etree.parse(book).xpath("//*[local-name()='fileGrp'][starts-with(@USE, 'OUT-')]/*/@ID")
    assert isinstance(names, list)
    assert len(names) >= PAGES * STEPS
    assert "sesame" not in "".join(server.lines + again.lines)


def test_a_worker_in_a_container_works(
    sshd_server: SshdServer, podman_service: PodmanService, home: Path, config: Path, book: Path
) -> None:
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    python = f"/usr/bin/python{version}"
    if not _runs(python, sshd_server.present):
        pytest.skip(f"there is no Python {version} of the system to look into from a container")
    _script(home / "offizin", f'export PYTHONPATH={shlex.quote(PACKAGES)}\nexec {python} -m offizin "$@"\n')
    dummy = "from ocrd.processor.builtin.dummy_processor import cli; cli()"
    _script(home / "ocrd-dummy", f'exec {python} -c {shlex.quote(dummy)} "$@"\n')
    seen = [f"{path}:{path}:ro" for path in ("/usr", "/lib", "/lib64", "/etc", *PACKAGES.split(os.pathsep))]
    seen += [f"{home}/offizin:/bin/offizin:ro", f"{home}/ocrd-dummy:/bin/ocrd-dummy:ro", f"{book.parent}:{book.parent}"]
    content = yaml.safe_load(config.read_text())
    (host, *_) = content["hosts"]
    del host["offizin"]
    host |= {"username": sshd_server.present.name, "socket": str(podman_service.socket)}
    host["workers"] = [{"name": "ocrd-dummy", "deploy_type": "docker", "image": IMAGE, "volumes": seen}]
    config.write_text(yaml.safe_dump(content | {"hosts": [host]}))
    server = Served(home / "home", config, 0)
    server.says("started ocrd-dummy on")
    client = httpx.Client(base_url=server.url, timeout=SECONDS)
    until_processors_are_there(client)
    answer = client.post("/workflow/run", params={"mets_path": str(book)}, files={"workflow": ("w.txt", WORKFLOW)})
    assert until_the_end(client, answer.json()["job_id"]) == "SUCCESS"
    stop(server, home)
    assert podman_service.podman("ps", "--all", "--quiet").stdout == ""


def stop(server: Served, home: Path) -> None:
    assert httpx.post(f"{server.url}/stop").status_code == 200
    assert server.process.wait(SECONDS + 60) == 0
    assert left_of(home) == []


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
