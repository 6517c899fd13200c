"""An sshd of the tests' own on this machine's loopback, and users who can log in to it: gone when the tests end.

As root, two users are made, so that there are two "hosts", each with a home of its own; otherwise the present user is
the only one, and logs in with a key. It listens at two addresses, which are two hosts with a home in common.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import pytest

from offizin.settings.reference_config import Ssh
from tests.rabbitmq_server import free_ports

ADDRESS = "127.0.0.1"
OTHER_ADDRESS = "127.0.0.2"
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin", "/usr/bin", "/bin"])
SETTINGS = """\
Port {port}
ListenAddress {address}
ListenAddress {other_address}
HostKey {directory}/host_key
PidFile none
UsePAM no
StrictModes no
PermitRootLogin prohibit-password
PubkeyAuthentication yes
PasswordAuthentication {passwords}
KbdInteractiveAuthentication no
AuthorizedKeysFile {directory}/authorized_keys
MaxStartups 100
MaxSessions 100
UseDNS no
Subsystem sftp internal-sftp
Match User {present}
    SetEnv XDG_DATA_HOME={directory}/data
"""


@dataclass(frozen=True)
class Account:
    """``password`` is None for the present user."""

    name: str
    home: Path
    uid: int
    password: str | None = None


class SshdServer:
    """``start`` before anything else, ``remove`` in any case."""

    def __init__(self, program: str) -> None:
        self._program = program
        # Not pytest's directory: others could not enter that.
        self.directory = Path(tempfile.mkdtemp(prefix="offizin-sshd-"))
        self.directory.chmod(0o755)
        (self.port,) = free_ports(1)
        self.accounts: list[Account] = []
        self._server: subprocess.Popen[bytes] | None = None
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.host_key.write_private_key(self.directory / "host_key")
        (self.directory / "host_key").chmod(0o600)
        key = asyncssh.generate_private_key("ssh-ed25519")
        self.key = self.directory / "key"
        key.write_private_key(self.key)
        self.key.chmod(0o600)
        (self.directory / "authorized_keys").write_bytes(key.export_public_key("openssh"))
        (self.directory / "authorized_keys").chmod(0o644)
        self.known_hosts = self.directory / "known_hosts"
        other = self.known_line.replace(ADDRESS, OTHER_ADDRESS)
        self.known_hosts.write_text(f"{self.known_line}\n{other}\n")
        entry = pwd.getpwuid(os.getuid())
        self.present = Account(entry.pw_name, Path(entry.pw_dir), entry.pw_uid)

    @property
    def known_line(self) -> str:
        return f"[{ADDRESS}]:{self.port} {self.host_key.export_public_key('openssh').decode().strip()}"

    def make_accounts(self) -> None:
        if os.getuid() != 0:
            self.accounts.append(self.present)
            return
        for letter in "ab":
            name, password = f"offizin-{secrets.token_hex(4)}-{letter}", secrets.token_urlsafe(9)
            home = self.directory / name
            # Of one group, so that they can work on the same books.
            _do("useradd", "--create-home", "--home-dir", str(home), "--shell", "/bin/bash", "--gid", "users", name)
            home.chmod(0o755)
            _do("chpasswd", text=f"{name}:{password}\n")
            self.accounts.append(Account(name, home, pwd.getpwnam(name).pw_uid, password))

    def start(self) -> None:
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # it refuses to run as root without
        settings = self.directory / "sshd_config"
        passwords = "yes" if os.getuid() == 0 else "no"
        settings.write_text(SETTINGS.format(
            port=self.port, address=ADDRESS, other_address=OTHER_ADDRESS, directory=self.directory,
            passwords=passwords, present=self.present.name,
        ))  # fmt: skip
        with (self.directory / "sshd.log").open("ab") as log:
            self._server = subprocess.Popen(
                [self._program, "-D", "-e", "-f", str(settings)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 (one call into C, nothing that could wait for a lock)
            )  # fmt: skip
        until = time.monotonic() + 20
        while not _answers(self.port):
            assert self._server.poll() is None, self.said
            assert time.monotonic() < until, self.said
            time.sleep(0.02)

    def stop(self) -> None:
        """No new connections; those that are open live on."""
        if self._server is not None:
            self._server.terminate()
            self._server.wait(20)
            self._server = None

    def login(self, account: Account, *, with_password: bool = False, known_hosts: Path | None = None) -> Ssh:
        known = str(known_hosts or self.known_hosts)
        if with_password:
            assert account.password is not None
            return Ssh(account.name, password=account.password, port=self.port, known_hosts=known)
        return Ssh(account.name, path_to_privkey=str(self.key), port=self.port, known_hosts=known)

    def processes_of(self, account: Account) -> set[int]:
        """Pids of all that runs as this user, but for sshd's own."""
        done = subprocess.run(["ps", "-u", str(account.uid), "-o", "pid=,stat=,comm="], capture_output=True, text=True)  # noqa: PLW1510
        rows = [line.split(None, 2) for line in done.stdout.splitlines()]
        return {int(pid) for pid, stat, name in rows if not stat.startswith("Z") and not name.startswith("sshd")}

    def remove(self) -> None:
        self.stop()
        for account in self.accounts:
            if account.password is not None:
                for pid in self.processes_of(account):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                _do("userdel", "--force", account.name)
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def said(self) -> str:
        return (self.directory / "sshd.log").read_text(errors="replace")[-2000:]


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((ADDRESS, port)) == 0


def _do(*command: str, text: str = "") -> None:
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, check=False, env={**os.environ, "PATH": PATH}
    )
    assert done.returncode == 0, f"{command[0]}: {done.stderr}"


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG: also when pytest is killed


def sshd_for_session() -> Iterator[SshdServer]:
    """The body of a fixture."""
    program = shutil.which("sshd", path=PATH)
    if program is None:
        pytest.skip("sshd is not installed (apt-get install openssh-server)")
    server = SshdServer(program)
    try:
        server.make_accounts()
        server.start()
        yield server
    finally:
        server.remove()
