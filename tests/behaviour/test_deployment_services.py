"""RabbitMQ and PostgreSQL are started when they are not there, keep their data, and end with who started them."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest

from offizin.clock import SystemClock
from offizin.deployment import service_programs
from offizin.deployment.cluster import Cluster
from offizin.deployment.file_memory import FileMemory
from offizin.deployment.pids import MARK
from offizin.deployment.service_programs import ServiceProgram
from offizin.deployment.services import ServiceDeployment
from offizin.errors import Unavailable
from offizin.settings import ReferenceConfig, Settings
from offizin.settings.reference_config import Service
from tests.postgresql_cluster import programs
from tests.rabbitmq_server import free_ports, program
from tests.sshd_server import ADDRESS, SshdServer

PASSWORD = "it's #1 – open"


@pytest.fixture
def port() -> int:
    """Whose neighbours, for RabbitMQ's other ports, are there, too."""
    return free_ports(1)[0]


@pytest.fixture
def home() -> Iterator[Path]:
    """Not pytest's directory: as root, PostgreSQL runs as another user, who could not enter that."""
    with tempfile.TemporaryDirectory(prefix="offizin-services-", ignore_cleanup_errors=True) as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


@pytest.fixture
async def started(home: Path) -> AsyncIterator[list[ServiceDeployment]]:
    """What is put here is stopped at the end of the test."""
    found: list[ServiceDeployment] = []
    yield found
    for one in found:
        await one.stop()


def deployment(service: ServiceProgram, port: int, home: Path) -> ServiceDeployment:
    return ServiceDeployment(service, "127.0.0.1", port, None, FileMemory(home / "services.json"), SystemClock())


def rabbitmq(port: int, home: Path) -> ServiceDeployment:
    if program("rabbitmq-server") is None:
        pytest.skip("RabbitMQ is not installed (apt-get install rabbitmq-server)")
    return deployment(service_programs.rabbitmq("127.0.0.1", port, "me", PASSWORD, str(home), "books"), port, home)


def postgresql(port: int, home: Path, password: str | None = PASSWORD) -> ServiceDeployment:
    if programs() is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    service = service_programs.postgresql("127.0.0.1", port, "me", password, "books", str(home))
    return deployment(service, port, home)


async def marks(home: Path) -> list[int]:
    """Processes of what was started from this home."""
    found = {row.identity.split('"mark":"')[1].split('"')[0] for row in await FileMemory(home / "services.json").load()}
    return [process.pid for process in psutil.process_iter() if _mark(process) in found]


def _mark(process: psutil.Process) -> str:
    try:
        return process.environ().get(MARK, "")
    except psutil.Error:
        return ""


async def test_rabbitmq_is_started_taken_over_and_ended(
    port: int, home: Path, started: list[ServiceDeployment]
) -> None:
    import aiormq

    first = rabbitmq(port, home)
    started.append(first)
    await first.start()
    running = await marks(home)
    assert len(running) >= 2  # with its epmd
    url = f"amqp://me:{'it%27s%20%231%20%E2%80%93%20open'}@127.0.0.1:{port}/books"
    connection = await aiormq.connect(url)
    channel = await connection.channel()
    await channel.queue_declare("kept", durable=True, arguments={"x-queue-type": "quorum"})
    await connection.close()

    again = rabbitmq(port, home)  # as after a crash of the server
    await again.start()
    assert set(running) <= set(await marks(home))
    await again.stop()
    assert not any(map(psutil.pid_exists, running)) or not await marks(home)
    assert not answers(port)

    await first.start()
    connection = await aiormq.connect(url)
    channel = await connection.channel()
    await channel.queue_declare("kept", passive=True)
    await connection.close()


async def test_postgresql_is_started_taken_over_and_ended(
    port: int, home: Path, started: list[ServiceDeployment]
) -> None:
    import asyncpg

    first = postgresql(port, home)
    started.append(first)
    await first.start()
    login = {"host": "127.0.0.1", "port": port, "user": "me", "password": PASSWORD, "database": "books"}
    connection = await asyncpg.connect(**login)
    await connection.execute("CREATE TABLE kept (number int)")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(**(login | {"password": "wrong"}))
    if os.getuid() == 0:
        assert (home / "services/postgresql/data").stat().st_uid != 0

    again = postgresql(port, home)
    await again.start()
    assert await connection.fetchval("SELECT count(*) FROM kept") == 0  # it has lived on
    await again.stop()  # connections that are open do not hold it up
    assert not answers(port)

    await first.start()
    connection = await asyncpg.connect(**login)
    assert await connection.fetchval("SELECT count(*) FROM kept") == 0
    await connection.close()
    assert not (home / "services/postgresql/password").exists()


async def test_what_answers_already_is_used_and_not_ended(home: Path, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)) as somebody:
        for service in (rabbitmq(port, home), postgresql(port, home)):
            await service.start()
            await service.stop()
        assert await FileMemory(home / "services.json").load() == []
        assert somebody.fileno() >= 0
        assert answers(port)


async def test_another_password_than_at_first_is_told(port: int, home: Path, started: list[ServiceDeployment]) -> None:
    first = postgresql(port, home)
    started.append(first)
    await first.start()
    with pytest.raises(Unavailable, match=r"is not ready: .*password authentication failed") as caught:
        await postgresql(port, home, "another").start()
    assert "keeps the users and passwords" in caught.value.advice


async def test_a_service_that_ends_before_it_answers_is_told(home: Path, port: int) -> None:
    service = postgresql(port, home, None)
    (home / "services/postgresql/data").mkdir(parents=True)
    (home / "services/postgresql/data/PG_VERSION").write_text("7\n")
    with pytest.raises(Unavailable, match="PostgreSQL"):
        await service.start()
    assert await FileMemory(home / "services.json").load() == []


async def test_a_service_elsewhere_is_not_started_here(home: Path) -> None:
    service = service_programs.rabbitmq("192.0.2.1", 1, None, None, str(home))
    far = ServiceDeployment(service, "192.0.2.1", 1, None, FileMemory(home / "services.json"), SystemClock())
    with pytest.raises(Unavailable, match="which is not this machine") as caught:
        await far.start()
    assert "ssh" in caught.value.advice


async def test_a_service_is_started_over_ssh(sshd_server: SshdServer, port: int, tmp_path: Path) -> None:
    if programs() is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    account = sshd_server.accounts[0]
    if account.password is None:
        pytest.skip("only root can make a user in whose home it may write")
    service = service_programs.postgresql("127.0.0.1", port, "me", PASSWORD, "books", "")
    memory = FileMemory(tmp_path / "services.json")
    there = ServiceDeployment(service, ADDRESS, port, sshd_server.login(account), memory, SystemClock())
    before = sshd_server.processes_of(account)
    await there.start()
    (row,) = await memory.load()
    assert row.host == f"{account.name}@{ADDRESS}:{sshd_server.port}"
    assert PASSWORD not in row.details + row.identity
    assert len(sshd_server.processes_of(account) - before) > 3
    await there.stop()
    assert sshd_server.processes_of(account) == before


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def test_without_mongodb_the_server_starts_and_tells_who_needs_it(
    home: Path, port: int, caplog: pytest.LogCaptureFixture
) -> None:
    if shutil.which("mongod") is not None or Path("/var/run/docker.sock").exists():
        pytest.skip("there may be a MongoDB here")
    database = Service("127.0.0.1", port)
    cluster = Cluster(Settings(home=home, reference=ReferenceConfig(database=database)), SystemClock())
    await cluster.start_queue(FileMemory(home / "services.json"))
    (told,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert told.startswith("MongoDB is not installed on this machine")
    assert told.endswith("Only workers of the reference need it.")
    await cluster.stop_queue()
