"""Workers run on the hosts of the configuration while the server does: taken over after a crash, ended at its end."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from offizin.clock import SystemClock
from offizin.deployment.deployment import Deployment
from offizin.settings.reference_config import Host, ReferenceConfig, Service, Workers
from offizin.store.transaction import SqliteDatabase
from offizin.upkeep.deployed_memory import DeployedMemory
from tests.sshd_server import ADDRESS, Account, SshdServer

QUEUE = "amqp://me:open-sesame@127.0.0.1:5672"
# Lives until SIGTERM, with a child as a real worker has; it notes its arguments and its end.
STAND_IN = """\
#!/bin/sh
directory=$(dirname "$0")
echo "$@" >>"$directory/started"
trap 'echo $$ >>"$directory/ended"; exit' TERM
while :; do sleep 1000 & wait; done
"""


class Hosts:
    """Users of this machine as hosts; each has a stand-in for ``offizin``."""

    def __init__(self, sshd: SshdServer, stand_ins: dict[str, Path]) -> None:
        self.sshd = sshd
        self.accounts = sshd.accounts
        self.programs = stand_ins

    def config(self, *accounts: Account, processor: str = "ocrd-dummy") -> ReferenceConfig:
        workers = (Workers(processor, 2), Workers("ocrd-other"))
        hosts = [Host(ADDRESS, self.sshd.login(one), workers, str(self.programs[one.name])) for one in accounts]
        return ReferenceConfig(process_queue=Service("127.0.0.1", 5672), hosts=tuple(hosts))

    def label(self, account: Account) -> str:
        return f"{account.name}@{ADDRESS}:{self.sshd.port}"

    def noted(self, account: Account, what: str) -> list[str]:
        file = self.programs[account.name].parent / what
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def hosts(sshd_server: SshdServer) -> Hosts:
    programs = {}
    for account in sshd_server.accounts:
        directory = sshd_server.directory / f"programs-{os.urandom(4).hex()}"
        directory.mkdir()
        os.chown(directory, account.uid, -1)
        program = directory / "offizin"
        program.write_text(STAND_IN)
        program.chmod(0o755)
        programs[account.name] = program
    return Hosts(sshd_server, programs)


@pytest.fixture
def two(hosts: Hosts) -> tuple[Account, Account]:
    if len(hosts.accounts) < 2:
        pytest.skip("only root can make two users to be two hosts")
    first, second = hosts.accounts
    return first, second


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[DeployedMemory]:
    database = await SqliteDatabase.open(tmp_path / "offizin.sqlite")
    yield DeployedMemory(database, 1, SystemClock())
    await database.close()


@asynccontextmanager
async def deployed(config: ReferenceConfig, memory: DeployedMemory, **settings: float) -> AsyncIterator[Deployment]:
    """Has looked at each host once. At the end it is given up, as in a crash: what was started lives on."""
    deployment = Deployment(config, memory, SystemClock(), owner="me", grace=10, **settings)
    await deployment.start(queue=QUEUE, host="127.0.0.1", port=8000)
    try:
        await asyncio.wait_for(deployment.looked.wait(), 60)
        yield deployment
    finally:
        await deployment.give_up()


async def pids(memory: DeployedMemory) -> dict[str, int]:
    """By host."""
    return {row.host: json.loads(row.identity)["pid"] for row in await memory.load()}


async def kill(pid: int) -> None:
    process = psutil.Process(pid)
    process.kill()
    await asyncio.to_thread(process.wait, 30)


async def another_look(deployment: Deployment) -> None:
    deployment.looked.clear()
    await deployment.looked.wait()


async def test_each_host_has_a_worker_until_the_end(
    hosts: Hosts, two: tuple[Account, Account], memory: DeployedMemory
) -> None:
    bystanders = {one.name: hosts.sshd.processes_of(one) for one in two}
    async with deployed(hosts.config(*two), memory) as deployment:
        running = await pids(memory)
        assert set(running) == {hosts.label(one) for one in two}
        for one in two:
            logs = one.home / f".local/share/offizin/workers/me/{one.name}@{ADDRESS}_{hosts.sshd.port}"
            assert hosts.noted(one, "started") == [
                f"worker ocrd-dummy:2 ocrd-other --server http://127.0.0.1:8000 --grace 10 --home {logs}"
            ]
            assert psutil.Process(running[hosts.label(one)]).uids().real == one.uid
        await deployment.stop()
    assert await memory.load() == []
    for one in two:
        assert hosts.noted(one, "ended") == [str(running[hosts.label(one)])]
        assert hosts.sshd.processes_of(one) == bystanders[one.name]


async def test_secrets_are_neither_in_the_database_nor_in_the_log(
    hosts: Hosts, memory: DeployedMemory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "offizin")
    async with deployed(hosts.config(hosts.accounts[0]), memory) as deployment:
        (row,) = await memory.load()
        assert "amqp://me@127.0.0.1:5672" in row.details
        told = f"{row.identity} {row.details} {caplog.text}"
        assert "sesame" not in told
        assert hosts.accounts[0].password is None or hosts.accounts[0].password not in told
        await deployment.stop()


async def test_after_a_crash_workers_that_still_run_are_taken_over(hosts: Hosts, memory: DeployedMemory) -> None:
    account = hosts.accounts[0]
    async with deployed(hosts.config(account), memory):
        before = await pids(memory)
    async with deployed(hosts.config(account), memory) as again:
        assert await pids(memory) == before
        assert len(hosts.noted(account, "started")) == 1
        await again.stop()
    assert hosts.noted(account, "ended") == [str(pid) for pid in before.values()]


async def test_after_a_crash_a_worker_that_died_meanwhile_is_started_anew(hosts: Hosts, memory: DeployedMemory) -> None:
    account = hosts.accounts[0]
    async with deployed(hosts.config(account), memory):
        (before,) = (await pids(memory)).values()
    await kill(before)
    async with deployed(hosts.config(account), memory) as again:
        (now,) = (await pids(memory)).values()
        assert now != before
        await again.stop()
    assert hosts.noted(account, "ended") == [str(now)]


async def test_after_a_crash_before_its_pid_was_known_a_worker_is_known_by_its_mark(
    hosts: Hosts, memory: DeployedMemory
) -> None:
    account = hosts.accounts[0]
    async with deployed(hosts.config(account), memory):
        before = await pids(memory)
    (row,) = await memory.load()
    await memory.identify(row.seq, json.dumps({"mark": json.loads(row.identity)["mark"]}), row.details)
    async with deployed(hosts.config(account), memory) as again:
        assert await pids(memory) == before
        await again.stop()
    assert len(hosts.noted(account, "started")) == len(hosts.noted(account, "ended")) == 1


async def test_with_another_configuration_what_is_not_wanted_any_more_ends(
    hosts: Hosts, two: tuple[Account, Account], memory: DeployedMemory
) -> None:
    first, second = two
    async with deployed(hosts.config(first, second), memory):
        before = await pids(memory)
    async with deployed(hosts.config(first, processor="ocrd-new"), memory) as again:
        assert hosts.noted(first, "ended") == [str(before[hosts.label(first)])]
        assert hosts.noted(second, "ended") == [str(before[hosts.label(second)])]
        assert set(await pids(memory)) == {hosts.label(first)}
        assert "ocrd-new:2" in hosts.noted(first, "started")[1]
        await again.stop()


async def test_a_worker_that_ends_is_started_again(hosts: Hosts, memory: DeployedMemory) -> None:
    account = hosts.accounts[0]
    async with deployed(hosts.config(account), memory, look=0.1) as deployment:
        (before,) = (await pids(memory)).values()
        await kill(before)
        while len(hosts.noted(account, "started")) < 2:
            await another_look(deployment)
        assert before not in (await pids(memory)).values()
        await deployment.stop()
    assert len(hosts.noted(account, "started")) == 2


async def test_a_pid_that_was_given_out_again_is_left_alone(hosts: Hosts, memory: DeployedMemory) -> None:
    account = hosts.accounts[0]
    async with deployed(hosts.config(account), memory):
        (row,) = await memory.load()
    identity = json.loads(row.identity)
    # As if the worker had died, and its pid belonged to this very test now.
    await kill(identity["pid"])
    stranger = await asyncio.create_subprocess_exec("sleep", "1000", start_new_session=True)
    await memory.identify(row.seq, json.dumps(identity | {"pid": stranger.pid}), row.details)
    async with deployed(hosts.config(), memory) as again:
        await again.stop()
    assert stranger.returncode is None
    assert await memory.load() == []
    stranger.kill()
    await stranger.wait()


async def test_a_host_that_is_down_holds_up_nobody_and_is_tried_again(
    hosts: Hosts, two: tuple[Account, Account], memory: DeployedMemory, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = two
    program = hosts.programs[second.name]
    program.rename(program.with_name("away"))
    async with deployed(hosts.config(first, second), memory, look=0.1) as deployment:
        assert set(await pids(memory)) == {hosts.label(first)}
        (told,) = [record for record in caplog.records if record.levelno == logging.ERROR]
        assert f"offizin is not installed on {hosts.label(second)}" in told.getMessage()
        program.with_name("away").rename(program)
        while set(await pids(memory)) != {hosts.label(first), hosts.label(second)}:
            await another_look(deployment)
        await deployment.stop()
    assert await memory.load() == []


async def test_what_cannot_be_ended_for_sure_is_remembered(
    hosts: Hosts, memory: DeployedMemory, caplog: pytest.LogCaptureFixture
) -> None:
    config = hosts.config(hosts.accounts[0])
    async with deployed(config, memory):
        before = await pids(memory)
    known_hosts = hosts.sshd.directory / "empty"
    known_hosts.touch()
    login = hosts.sshd.login(hosts.accounts[0], known_hosts=known_hosts)
    out_of_reach = ReferenceConfig(
        process_queue=config.process_queue, hosts=(Host(ADDRESS, login, (Workers("ocrd-dummy"),)),)
    )
    async with deployed(out_of_reach, memory) as deployment:
        await deployment.stop()
    assert "may still run there" in caplog.text
    assert await pids(memory) == before
    async with deployed(config, memory) as again:
        await again.stop()
    assert await memory.load() == []
