"""Programs are started on other machines over SSH, found again, and ended: they and nothing else."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh
import psutil
import pytest

from offizin.deployment.machine import Here, Machine, variables
from offizin.deployment.native import Program, ProgramMissing, Running, start
from offizin.deployment.pids import Outcome, Process, end, find
from offizin.deployment.ssh import SshMachine
from offizin.deployment.worker_program import how_to_install, worker_program
from offizin.errors import Unavailable
from offizin.settings.reference_config import Ssh
from tests.sshd_server import ADDRESS, SshdServer

LIVES = """\
set -- sh -c 'trap "echo ended >>$0/ended; exit" TERM; while :; do sleep 1000 & wait; done' "$directory"
"""
STUBBORN = """\
set -- sh -c 'trap "" TERM; while :; do sleep 1000; done'
"""


@pytest.fixture
async def machine(sshd_server: SshdServer) -> AsyncIterator[SshMachine]:
    account = sshd_server.accounts[0]
    machine = SshMachine(ADDRESS, sshd_server.login(account))
    yield machine
    await machine.close()


def program(command: str = LIVES, place: str = "tests/it", **environment: str) -> Program:
    return Program("the program", command, place, environment)


def pid_of(running: Running) -> int:
    assert running.process.pid is not None
    return running.process.pid


async def test_a_program_outlives_the_login_and_ends_when_told(machine: SshMachine, sshd_server: SshdServer) -> None:
    running = await start(machine, program(), "mark-1")
    await machine.close()
    assert await find(machine, running.process) == running.process
    assert os.getsid(pid_of(running)) == pid_of(running)
    assert Path(f"/proc/{pid_of(running)}").stat().st_uid == sshd_server.accounts[0].uid
    assert await end(machine, running.process, limit=10) is Outcome.ENDED
    assert (Path(running.log).parent / "ended").read_text() == "ended\n"
    assert await find(machine, running.process) is None
    assert await end(machine, running.process, limit=10) is Outcome.GONE


async def test_what_does_not_end_by_itself_is_killed_with_its_children(machine: SshMachine) -> None:
    running = await start(machine, program(STUBBORN), "mark-2")
    assert await end(machine, running.process, limit=0.5) is Outcome.KILLED
    done = await machine.run(
        variables(mark="mark-2") + "grep -alsF mark-2 /proc/[0-9]*/environ && say left yes", limit=10
    )
    assert not done.said


async def test_a_pid_that_was_given_out_again_is_not_touched(machine: SshMachine) -> None:
    bystander = await start(machine, program(place="tests/bystander"), "mark-3")
    process = bystander.process
    earlier = Process("mark-of-another", process.pid, process.ticks - 1, process.boot)
    before_the_boot = Process("mark-of-another", process.pid, process.ticks, "another boot")
    for old in (earlier, before_the_boot):
        assert await find(machine, old) is None
        assert await end(machine, old, limit=5) is Outcome.GONE
    assert await find(machine, process) == process
    assert await end(machine, process, limit=5) is Outcome.ENDED


async def test_what_was_started_just_before_a_crash_is_found_by_its_mark(machine: SshMachine) -> None:
    running = await start(machine, program(), "mark-4")
    assert await find(machine, Process("mark-4")) == running.process
    assert await end(machine, Process("mark-4"), limit=10) is Outcome.ENDED
    assert await find(machine, Process("mark-4")) is None


async def test_children_are_ended_though_their_parent_was_killed(machine: SshMachine) -> None:
    running = await start(machine, program("set -- sh -c 'setsid sleep 1000 & wait'\n"), "mark-5")
    os.kill(pid_of(running), signal.SIGKILL)
    assert await end(machine, running.process, limit=5) is Outcome.ENDED
    assert await end(machine, running.process, limit=5) is Outcome.GONE


async def test_secrets_are_in_no_command_line(machine: SshMachine, sshd_server: SshdServer) -> None:
    tell = "set -- sh -c 'ps -eo args >$0/all; echo $SECRET >$0/secret; while :; do sleep 1000; done' \"$directory\"\n"
    running = await start(machine, program(tell, SECRET="open sesame's"), "mark-6")
    directory = Path(running.log).parent
    assert (directory / "secret").read_text() == "open sesame's\n"
    assert "sesame" not in (directory / "all").read_text()
    assert oct(directory.stat().st_mode & 0o777) == "0o700"
    await end(machine, running.process, limit=5)


async def test_a_program_that_ends_at_once_is_told_with_its_last_words(machine: SshMachine) -> None:
    with pytest.raises(Unavailable, match="ended at once \\(exit code 3\\): no such processor"):
        await start(machine, program("set -- sh -c 'echo no such processor; exit 3'\n", "tests/ends"), "mark-7")


async def test_the_environment_is_that_of_a_login(machine: SshMachine, sshd_server: SshdServer) -> None:
    if sshd_server.accounts[0].password is None:
        pytest.skip("the present user's profile is not ours to change: run the tests as root")
    home = sshd_server.accounts[0].home
    (home / "own").mkdir(exist_ok=True)
    offizin = home / "own/offizin"
    offizin.write_text(
        '#!/bin/sh\nprintf "%s\\n" "$@" >"$HOME/arguments"\necho "$OFFIZIN_QUEUE" >"$HOME/queue"\nsleep 1000\n'
    )
    offizin.chmod(0o755)
    (home / ".bash_profile").write_text('echo "Welcome!"\nexport PATH="$HOME/own:$PATH"\n')
    worker = worker_program(
        [("ocrd-dummy", 2), ("ocrd-a", 1)],
        server="http://a:1",
        queue="amqp://me:secret@b",
        place="w",
        program=None,
        grace=5,
    )
    running = await start(machine, worker, "mark-8")
    data = home / ".local/share/offizin/w"
    expected = ["worker", "ocrd-dummy:2", "ocrd-a", "--server", "http://a:1", "--grace", "5", "--home", str(data)]
    assert (home / "arguments").read_text().splitlines() == expected
    assert (home / "queue").read_text() == "amqp://me:secret@b\n"
    await end(machine, running.process, limit=5)
    (home / ".bash_profile").unlink()


async def test_a_missing_offizin_is_told_with_the_command_that_installs_it(machine: SshMachine) -> None:
    worker = worker_program(
        [("ocrd-dummy", 1)], server=None, queue="", place="w", program="/opt/nowhere/offizin", grace=5
    )
    with pytest.raises(ProgramMissing, match="offizin is not installed on") as caught:
        await start(machine, worker, "mark-9")
    told = how_to_install(caught.value)
    assert "/opt/nowhere/offizin" in told.message
    assert "pip install 'offizin[cluster]" in told.advice
    assert "--bootstrap" in told.advice


async def test_a_password_opens_the_door_too(sshd_server: SshdServer) -> None:
    account = sshd_server.accounts[0]
    if account.password is None:
        pytest.skip("only root can make users with passwords")
    machine = SshMachine(ADDRESS, sshd_server.login(account, with_password=True))
    assert (await machine.run("say me $(id -un)", limit=10)).said == {"me": account.name}
    assert await machine.address_here() == ADDRESS
    await machine.close()
    wrong = SshMachine(
        ADDRESS, Ssh(account.name, "wrong", port=sshd_server.port, known_hosts=str(sshd_server.known_hosts))
    )
    with pytest.raises(Unavailable, match="does not let us in with the password"):
        await wrong.run("say a b", limit=10)


async def test_a_machine_that_is_not_known_is_not_talked_to(sshd_server: SshdServer, tmp_path: Path) -> None:
    known_hosts = tmp_path / "known_hosts"
    login = sshd_server.login(sshd_server.accounts[0], known_hosts=known_hosts)
    with pytest.raises(Unavailable, match=r"its key .* is not known") as caught:
        await SshMachine(ADDRESS, login).run("say a b", limit=10)
    assert str(known_hosts) in caught.value.advice
    line = caught.value.advice.split(": ", 1)[1]
    assert sshd_server.known_line in line
    known_hosts.write_text(sshd_server.known_line + "\n")
    machine = SshMachine(ADDRESS, login)
    assert (await machine.run("say a b", limit=10)).said == {"a": "b"}
    await machine.close()


async def test_a_machine_with_another_key_than_before_is_not_talked_to(sshd_server: SshdServer, tmp_path: Path) -> None:
    known_hosts = tmp_path / "known_hosts"
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key("openssh").decode()
    known_hosts.write_text(f"[{ADDRESS}]:{sshd_server.port} {other}")
    login = sshd_server.login(sshd_server.accounts[0], known_hosts=known_hosts)
    with pytest.raises(Unavailable, match=r"has another key .* somebody may be in between"):
        await SshMachine(ADDRESS, login).run("say a b", limit=10)


@pytest.mark.parametrize(
    ("address", "login", "said"),
    [
        ("127.0.0.1", Ssh("me", "x", port=1), "cannot be reached over SSH \\(port 1\\)"),
        ("nowhere.invalid", Ssh("me", "x"), "cannot be reached over SSH"),
        ("127.0.0.1", Ssh("me", path_to_privkey="/nowhere/id"), "the key /nowhere/id cannot be read"),
    ],
)
async def test_what_keeps_a_machine_from_being_reached_is_told(address: str, login: Ssh, said: str) -> None:
    with pytest.raises(Unavailable, match=said) as caught:
        await SshMachine(address, login).run("say a b", limit=10)
    assert caught.value.advice


async def test_a_key_with_a_passphrase_is_told(tmp_path: Path) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(tmp_path / "id", passphrase="secret")
    with pytest.raises(Unavailable, match="Passphrase must be specified") as caught:
        await SshMachine("127.0.0.1", Ssh("me", path_to_privkey=str(tmp_path / "id"))).run("say a b", limit=10)
    assert "without a passphrase" in caught.value.advice


async def test_this_machine_is_one_like_the_others(tmp_path: Path) -> None:
    here: Machine = Here()
    running = await start(here, Program("the program", LIVES, "it", data=str(tmp_path)), "mark-10")
    assert running.log == str(tmp_path / "it/output.log")
    assert await find(here, running.process) == running.process
    assert await end(here, running.process, limit=5) is Outcome.ENDED
    assert not any(
        str(tmp_path) in " ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])
    )
