"""Machines that are reached over SSH. Whose key is not known is not talked to."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import asyncssh

from offizin.deployment.machine import PREAMBLE, Answer
from offizin.deployment.ssh_login import label_of
from offizin.errors import Unavailable
from offizin.settings.reference_config import Ssh

CONNECT_SECONDS = 20.0
KEEPALIVE_SECONDS = 15
# At once on one connection: sshd allows ten (MaxSessions).
SESSIONS = 6
KNOWN_HOSTS = ("~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts")

# The user's own login shell sets PATH and the like; then a plain shell reads the script. Read by any login shell.
_SHELL = (
    "exec /bin/sh -c 'case ${SHELL##*/} in "
    'bash|zsh|dash|ksh|mksh|ash|sh) exec "$SHELL" -lc "exec /bin/sh -s";; '
    '*) exec /bin/sh -lc "exec /bin/sh -s";; esac\''
)


class SshMachine:
    """Connects when it is first needed, and again when the connection was lost."""

    def __init__(self, address: str, login: Ssh) -> None:
        self.label = label_of(address, login)
        self._address = address
        self._login = login
        self._connection: asyncssh.SSHClientConnection | None = None
        self._connecting = asyncio.Lock()
        self._sessions = asyncio.Semaphore(SESSIONS)
        self._sockets: dict[str, Path] = {}
        self._directory: tempfile.TemporaryDirectory[str] | None = None

    async def run(self, script: str, *, limit: float) -> Answer:
        connection = await self._connected()
        try:
            async with self._sessions:
                done = await connection.run(
                    _SHELL, input=PREAMBLE + script, check=False, timeout=limit, encoding="utf-8", errors="replace"
                )
        except TimeoutError:
            raise Unavailable(f"{self.label} did not answer within {limit:g} s", advice="It may be too busy.") from None
        except (OSError, asyncssh.Error) as error:
            raise self._lost(error) from error
        code = done.exit_status if done.exit_status is not None and done.exit_status >= 0 else 255
        return Answer.read(str(done.stdout or ""), code, str(done.stderr or ""))

    async def socket(self, path: str) -> Path:
        connection = await self._connected()
        if path not in self._sockets:
            if self._directory is None:
                self._directory = tempfile.TemporaryDirectory(prefix="offizin-ssh-")
            here = Path(self._directory.name) / f"{len(self._sockets)}.sock"
            here.unlink(missing_ok=True)
            try:
                await connection.forward_local_path(str(here), path)
            except (OSError, asyncssh.Error) as error:
                raise self._lost(error) from error
            self._sockets[path] = here
        return self._sockets[path]

    async def send(self, what: Path, where: str) -> None:
        connection = await self._connected()
        try:
            async with connection.start_sftp_client() as files:
                await files.makedirs(str(Path(where).parent), exist_ok=True)
                await files.put(str(what), where, recurse=what.is_dir(), preserve=True)
        except (OSError, asyncssh.Error) as error:
            raise Unavailable(
                f"{self.label}: {what.name} could not be sent to {where}: {_said(error)}",
                advice="SFTP must be allowed there, and there must be room.",
            ) from error

    async def address_here(self) -> str:
        connection = await self._connected()
        return str(connection.get_extra_info("sockname")[0])

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            await self._connection.wait_closed()
            self._connection = None
        if self._directory is not None:
            self._directory.cleanup()
            self._directory = None

    async def _connected(self) -> asyncssh.SSHClientConnection:
        async with self._connecting:
            if self._connection is None or self._connection.is_closed():
                self._sockets.clear()
                self._connection = await self._connect()
            return self._connection

    async def _connect(self) -> asyncssh.SSHClientConnection:
        login, seen = self._login, _Doorkeeper()
        options: dict[str, Any] = {"client_keys": None, "password": None}
        if login.password is None and login.path_to_privkey is None:
            raise Unavailable(
                f"{self.label} is not in the configuration any more, and passwords are not kept",
                advice="Put its login back into the configuration, or end by hand what runs there.",
            )
        if login.password is not None:
            options["password"] = login.password
            options["preferred_auth"] = ("password", "keyboard-interactive")
        else:
            options["client_keys"] = [await asyncio.to_thread(self._key, Path(login.path_to_privkey or ""))]
            options["preferred_auth"] = ("publickey",)
        known_hosts = await asyncio.to_thread(self._known_hosts)
        try:
            return await asyncssh.connect(
                self._address, login.port, username=login.username, client_factory=lambda: seen,
                known_hosts=known_hosts, config=None, agent_path=None, gss_host=None, x509_trusted_certs=None,
                connect_timeout=CONNECT_SECONDS, login_timeout=CONNECT_SECONDS, keepalive_interval=KEEPALIVE_SECONDS,
                **options,
            )  # fmt: skip
        except asyncssh.HostKeyNotVerifiable as error:
            raise self._not_trusted(seen.key, known_hosts, error) from error
        except asyncssh.PermissionDenied as error:
            what = "the password" if login.password is not None else f"the key {login.path_to_privkey}"
            raise Unavailable(
                f"{self.label} does not let us in with {what}",
                advice="Try it by hand with ssh. A key's public half must stand in ~/.ssh/authorized_keys there; "
                "its sshd may forbid passwords.",
            ) from error
        except TimeoutError as error:
            raise self._unreachable(f"no answer within {CONNECT_SECONDS:g} s") from error
        except (OSError, asyncssh.Error) as error:
            raise self._unreachable(_said(error)) from error

    def _key(self, file: Path) -> asyncssh.SSHKey:
        try:
            return asyncssh.read_private_key(file.expanduser())
        except (OSError, RuntimeError, ValueError, asyncssh.KeyImportError) as error:
            said = error.strerror if isinstance(error, OSError) else _said(error)
            raise Unavailable(
                f"{self.label}: the key {file} cannot be read: {said}",
                advice="It must be a private key without a passphrase that the server's user may read.",
            ) from error

    def _known_hosts(self) -> asyncssh.SSHKnownHosts:
        named = self._login.known_hosts
        files = [Path(file).expanduser() for file in ((named,) if named else KNOWN_HOSTS)]
        try:
            texts = [file.read_text(errors="replace") for file in files if file.exists()]
            return asyncssh.import_known_hosts("\n".join(texts))
        except (OSError, ValueError) as error:
            raise Unavailable(
                f"{self.label}: the known hosts of {', '.join(map(str, files))} cannot be read: {error}",
                advice="Mend the file.",
            ) from error

    def _not_trusted(
        self, key: asyncssh.SSHKey | None, known_hosts: asyncssh.SSHKnownHosts, error: asyncssh.Error
    ) -> Unavailable:
        file = self._login.known_hosts or KNOWN_HOSTS[0]
        if key is None:
            return Unavailable(f"{self.label}: its key is not trusted: {error.reason}", advice=f"Look at {file}.")
        kind, print_ = key.get_algorithm(), key.get_fingerprint()
        host = self._address if self._login.port == 22 else f"[{self._address}]:{self._login.port}"
        line = f"{host} {key.export_public_key('openssh').decode().strip()}"
        trusted = asyncssh.match_known_hosts(known_hosts, self._address, "", self._login.port)[0]
        if trusted:
            return Unavailable(
                f"{self.label} has another key ({kind} {print_}) than {file} says: somebody may be in between",
                advice=f"If it was set up anew, replace its line in {file} with: {line}",
            )
        return Unavailable(
            f"{self.label}: its key ({kind} {print_}) is not known",
            advice=f"Compare the fingerprint on that machine (ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub); "
            f"if it is the same, add this line to {file}: {line}",
        )

    def _unreachable(self, why: str) -> Unavailable:
        return Unavailable(
            f"{self.label} cannot be reached over SSH (port {self._login.port}): {why}",
            advice="Is it up, does its sshd listen there, and is the address right?",
        )

    def _lost(self, error: Exception) -> Unavailable:
        return Unavailable(f"the connection to {self.label} failed: {_said(error)}", advice="It will be tried again.")


class _Doorkeeper(asyncssh.SSHClient):
    """Lets nobody in who is not known, but remembers who that was."""

    key: asyncssh.SSHKey | None = None

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        self.key = key
        return False


def _said(error: Exception) -> str:
    return (error.reason if isinstance(error, asyncssh.DisconnectError) else str(error)) or type(error).__name__
