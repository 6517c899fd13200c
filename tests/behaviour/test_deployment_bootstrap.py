"""``--bootstrap``: what is installed here is sent to a host where it is not, and works there."""

from __future__ import annotations

import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from offizin import __version__
from offizin.deployment.bootstrap import Bootstrap
from offizin.deployment.own_packages import Interpreter, OwnPackages
from offizin.deployment.ssh import SshMachine
from offizin.errors import Unavailable
from tests.sshd_server import ADDRESS, Account, SshdServer


@pytest.fixture
def account(sshd_server: SshdServer) -> Account:
    account = sshd_server.accounts[-1]
    if account.password is None:
        pytest.skip("only root can make a user in whose home it may write")
    return account


@pytest.fixture
async def machine(sshd_server: SshdServer, account: Account) -> AsyncIterator[SshMachine]:
    machine = SshMachine(ADDRESS, sshd_server.login(account))
    yield machine
    await machine.close()
    shutil.rmtree(account.home / ".local", ignore_errors=True)


def python_of_users() -> str:
    """One that other users may run, of the same version as ours."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    for found in (Path(directory) / f"python{version}" for directory in ("/usr/bin", "/usr/local/bin")):
        if found.exists():
            return str(found)
    pytest.skip(f"there is no Python {version} of the system, for another user to run")


async def test_what_is_installed_here_is_sent_once_and_works_without_a_network(
    machine: SshMachine, account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    python_of_users()
    caplog.set_level("INFO")
    bootstrap = Bootstrap()
    await bootstrap.install(machine)
    offizin = account.home / ".local/share/offizin/venv/bin/offizin"
    assert "with packages that pip fetches" not in caplog.text
    said = await machine.run(
        f'say version "$({offizin} --version)"; {offizin} processors >/dev/null; say code $?', limit=60
    )
    assert said.said == {"version": f"offizin {__version__}", "code": "0"}
    made = offizin.stat().st_mtime_ns
    await bootstrap.install(machine)
    assert offizin.stat().st_mtime_ns == made
    assert not list(offizin.parents[2].glob("*.tar.gz"))
    (offizin.parents[1] / "digest").write_text("of another version")
    await bootstrap.install(machine)
    assert offizin.stat().st_mtime_ns != made


async def test_where_offizin_is_installed_nothing_is_sent(machine: SshMachine, account: Account) -> None:
    (account.home / "bin").mkdir()
    (account.home / "bin/offizin").write_text("#!/bin/sh\n")
    (account.home / "bin/offizin").chmod(0o755)
    (account.home / ".bash_profile").write_text('PATH="$HOME/bin:$PATH"\n')
    await Bootstrap().install(machine)
    assert not (account.home / ".local/share/offizin").exists()
    shutil.rmtree(account.home / "bin")
    (account.home / ".bash_profile").unlink()


async def test_another_python_fetches_packages_and_tells_when_it_cannot(
    machine: SshMachine, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    python_of_users()
    monkeypatch.setattr(Interpreter, "runs_what_runs_on", lambda *_: False)
    (account.home / ".bash_profile").write_text("export PIP_NO_INDEX=1 PIP_CONFIG_FILE=/dev/null\n")
    with pytest.raises(Unavailable, match=r"was sent to .* and cannot be installed there: ") as caught:
        await Bootstrap().install(machine)
    assert "pip there must reach a package index" in caught.value.advice
    assert list((account.home / ".local/share/offizin").iterdir()) == []
    (account.home / ".bash_profile").unlink()


def test_packages_are_those_that_the_cluster_needs() -> None:
    names = {pinned.split("==")[0].lower() for pinned in OwnPackages().pinned}
    assert {"aiormq", "asyncpg", "asyncssh", "greenlet", "starlette", "lxml"} <= names
    assert not {"offizin", "pytest", "ocrd"} & names


def test_compiled_packages_are_for_the_same_python_machine_and_an_older_libc() -> None:
    here = Interpreter("3.11", "x86_64", "2.36")
    assert Interpreter("3.11", "x86_64", "2.41").runs_what_runs_on(here)
    for other in (
        ("3.12", "x86_64", "2.41"),
        ("3.11", "aarch64", "2.41"),
        ("3.11", "x86_64", "2.9"),
        ("3.11", "x86_64", ""),
    ):
        assert not Interpreter(*other).runs_what_runs_on(here)
