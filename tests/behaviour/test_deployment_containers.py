"""Workers in containers: through the API of Docker, here spoken by Podman, on this machine and over SSH."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from offizin.clock import SystemClock
from offizin.deployment import containers
from offizin.deployment.containers import Container, ContainerIdentity, Engine
from offizin.deployment.deployment import Deployment
from offizin.deployment.file_memory import FileMemory
from offizin.deployment.machine import Here
from offizin.deployment.native import Program
from offizin.deployment.pids import Outcome
from offizin.deployment.service_programs import ServiceProgram
from offizin.deployment.services import ServiceDeployment
from offizin.errors import Unavailable
from offizin.settings.reference_config import DeployType, Host, ReferenceConfig, Service, Workers
from offizin.store.transaction import SqliteDatabase
from offizin.upkeep.deployed_memory import DeployedMemory
from tests.podman_service import IMAGE, PodmanService
from tests.rabbitmq_server import free_ports
from tests.sshd_server import ADDRESS, SshdServer

QUEUE = "amqp://me:open-sesame@127.0.0.1:5672"
STUBBORN = ("sh", "-c", "trap '' TERM; while :; do sleep 1; done")


@pytest.fixture
async def engine(podman_service: PodmanService) -> AsyncIterator[Engine]:
    async with await containers.engine_of(Here(), str(podman_service.socket)) as engine:
        yield engine


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[DeployedMemory]:
    database = await SqliteDatabase.open(tmp_path / "offizin.sqlite")
    yield DeployedMemory(database, 1, SystemClock())
    await database.close()


async def test_a_container_is_started_found_and_ended(engine: Engine, podman_service: PodmanService) -> None:
    identity = await containers.start(engine, Container("one", IMAGE, ("offizin", "worker")), "mark-1")
    assert await containers.find(engine, identity) == identity
    assert await containers.find(engine, ContainerIdentity("mark-1")) == identity
    assert podman_service.podman("logs", "one").stdout == "worker\n"
    assert await containers.last_words(engine, identity) == "worker"
    assert await containers.end(engine, identity, 20) is Outcome.ENDED
    assert await containers.find(engine, identity) is None
    assert await containers.end(engine, identity, 20) is Outcome.GONE
    assert podman_service.podman("ps", "--all", "--quiet").stdout == ""


async def test_a_container_that_does_not_end_is_killed(engine: Engine) -> None:
    identity = await containers.start(engine, Container("stubborn", IMAGE, STUBBORN), "mark-2")
    assert await containers.end(engine, identity, 1) is Outcome.KILLED


async def test_a_container_that_is_not_ours_is_left_alone(engine: Engine, podman_service: PodmanService) -> None:
    podman_service.podman("run", "--detach", "--name", "foreign", "--network", "host", IMAGE, "sleep", "1000")
    foreign = podman_service.podman("inspect", "--format", "{{.Id}}", "foreign").stdout.strip()
    assert await containers.end(engine, ContainerIdentity("mark-3", foreign), 1) is Outcome.GONE
    assert podman_service.podman("ps", "--quiet", "--filter", "name=foreign").stdout
    podman_service.podman("rm", "--force", "--time", "0", "foreign")


async def test_a_program_that_is_not_in_the_image_is_told_and_leaves_no_container(
    engine: Engine, podman_service: PodmanService
) -> None:
    with pytest.raises(Unavailable, match="refuses"):
        await containers.start(engine, Container("empty", IMAGE, ("nothing-of-that-name",)), "mark-4")
    assert podman_service.podman("ps", "--all", "--quiet").stdout == ""


async def test_an_image_that_is_nowhere_is_told(engine: Engine) -> None:
    with pytest.raises(Unavailable, match="localhost/none:1"):
        await containers.start(engine, Container("none", "localhost/none:1", ("offizin",)), "mark-5")


@pytest.mark.parametrize(("options", "user"), [([], "1000:1000"), (["name=seccomp", "name=rootless"], "0:0")])
async def test_in_an_engine_of_the_user_root_is_the_user(options: list[str], user: str) -> None:
    made: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/containers/create":
            made.append(json.loads(request.content)["User"])
        return httpx.Response(200, json={"SecurityOptions": options, "Id": "1"})

    client = httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://engine")
    async with Engine("somewhere", client, "1000:1000") as engine:
        await containers.start(engine, Container("one", "image:1"), "mark")
        await containers.start(engine, Container("one", "image:1", as_image_says=True), "mark")
    assert made == [user, ""]


async def test_a_machine_without_an_engine_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="there is no Docker and no Podman on this machine: no socket at") as caught:
        await containers.engine_of(Here(), str(tmp_path / "none.sock"))
    assert "podman.socket" in caught.value.advice


@asynccontextmanager
async def deployed(config: ReferenceConfig, memory: DeployedMemory) -> AsyncIterator[Deployment]:
    deployment = Deployment(config, memory, SystemClock(), owner="owner-of-all", grace=10)
    await deployment.start(queue=QUEUE, host="127.0.0.1", port=8000)
    try:
        await asyncio.wait_for(deployment.looked.wait(), 60)
        yield deployment
    finally:
        await deployment.give_up()


async def test_workers_in_containers_are_deployed_over_ssh_taken_over_and_ended(
    podman_service: PodmanService, sshd_server: SshdServer, memory: DeployedMemory, tmp_path: Path
) -> None:
    account = sshd_server.accounts[0]
    books = sshd_server.directory / "books"
    books.mkdir(exist_ok=True)
    os.chown(books, account.uid, -1)
    workers = Workers("ocrd-dummy", 2, DeployType.DOCKER, IMAGE, (f"{books}:{books}",))
    host = Host(ADDRESS, sshd_server.login(account), (workers, workers), socket=str(podman_service.socket))
    config = ReferenceConfig(process_queue=Service("127.0.0.1", 5672), hosts=(host,))
    async with deployed(config, memory):
        rows = {row.name: row for row in await memory.load()}
        assert set(rows) == {"ocrd-dummy", "ocrd-dummy-2"}
        one = json.loads(rows["ocrd-dummy"].identity)["id"]
        assert podman_service.podman("logs", one).stdout == (
            "worker ocrd-dummy:2 --server http://127.0.0.1:8000 --grace 10 --home /tmp/offizin\n"
        )
        (about,) = json.loads(podman_service.podman("inspect", one).stdout)
        assert about["Name"] == "offizin-owner-of-ocrd-dummy"
        assert f"OFFIZIN_QUEUE={QUEUE}" in about["Config"]["Env"]
        assert about["Config"]["User"].split(":")[0] == str(account.uid)
        assert about["Mounts"][0]["Source"] == str(books)
        assert "sesame" not in rows["ocrd-dummy"].details + rows["ocrd-dummy"].identity
    async with deployed(config, memory) as again:
        assert {row.name: row.identity for row in await memory.load()} == {name: rows[name].identity for name in rows}
        await again.stop()
    assert await memory.load() == []
    assert podman_service.podman("ps", "--all", "--quiet").stdout == ""


async def test_a_service_that_is_not_installed_runs_in_a_container(
    podman_service: PodmanService, tmp_path: Path
) -> None:
    if shutil.which("epmd") is None:
        pytest.skip("there is no epmd to put into a container (apt-get install rabbitmq-server)")
    (port,) = free_ports(1)
    missing = Program("It", 'say missing "$PATH"; exit\n', "it", data=str(tmp_path))
    command = ("sh", "-c", f"trap exit TERM; epmd -port {port} -address 127.0.0.1 & wait")
    service = ServiceProgram("It", missing, Container("it", IMAGE, command, as_image_says=True))

    def deployment() -> ServiceDeployment:
        return ServiceDeployment(
            service, "127.0.0.1", port, None, FileMemory(tmp_path / "it.json"), SystemClock(),
            socket=str(podman_service.socket),
        )  # fmt: skip

    await deployment().start()
    running = podman_service.podman("ps", "--quiet").stdout
    assert running
    again = deployment()
    await again.start()
    assert podman_service.podman("ps", "--quiet").stdout == running
    await again.stop()
    assert podman_service.podman("ps", "--all", "--quiet").stdout == ""


async def test_a_service_that_is_nowhere_is_told_with_what_installs_it(tmp_path: Path) -> None:
    missing = Program("RabbitMQ", 'say missing "$PATH"; exit\n', "it", data=str(tmp_path))
    service = ServiceProgram("RabbitMQ", missing, Container("it", IMAGE))
    (port,) = free_ports(1)
    nowhere = ServiceDeployment(
        service, "127.0.0.1", port, None, FileMemory(tmp_path / "it.json"), SystemClock(), socket=str(tmp_path / "none")
    )
    with pytest.raises(Unavailable, match="is not installed on this machine, nor is there Docker or Podman") as caught:
        await nowhere.start()
    assert "apt-get install rabbitmq-server" in caught.value.advice
    assert await FileMemory(tmp_path / "it.json").load() == []
