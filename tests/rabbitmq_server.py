"""A RabbitMQ of the tests' own: one for each session of pytest, on free ports of this machine, and ended with it."""

from __future__ import annotations

import ctypes
import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import pytest

READY = "Server startup complete"
NODE = "offizin@localhost"
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/lib/erlang/bin", "/usr/sbin", "/usr/bin", "/bin"])
SETTINGS = """\
listeners.tcp.1 = 127.0.0.1:{port}
log.console = true
log.console.level = info
log.file = false
disk_free_limit.absolute = 1MB
"""


def program(name: str) -> Path | None:
    """The script as it was packaged: what Debian puts on PATH switches to the user and the directories of its own
    service."""
    packaged = Path("/usr/lib/rabbitmq/bin") / name
    found = str(packaged) if packaged.exists() else shutil.which(name)
    return Path(found) if found else None


class RabbitMqServer:
    """``start`` before anything else, ``remove`` in any case. One may stop, kill, empty and start it between."""

    def __init__(self, script: Path) -> None:
        self._script = script
        self.directory = Path(tempfile.mkdtemp(prefix="offizin-rabbitmq-"))
        self.port, self._epmd_port, self._dist_port = free_ports(3)
        self._epmd: subprocess.Popen[str] | None = None
        self._server: subprocess.Popen[str] | None = None
        self._vhosts = itertools.count()
        self._starter = ThreadPoolExecutor(1)
        self.said: list[str] = []
        cookie = self.directory / ".erlang.cookie"
        cookie.write_text("offizin-tests")
        cookie.chmod(0o400)
        (self.directory / "rabbitmq.conf").write_text(SETTINGS.format(port=self.port))
        (self.directory / "plugins").write_text("[].\n")
        (self.directory / "empty.conf").write_text("")

    @property
    def url(self) -> str:
        """Of the virtual host that is always there, also when the broker has come back empty."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/%2F"

    def new_url(self) -> str:
        """Of a virtual host with nothing in it."""
        name = f"test-{next(self._vhosts)}"
        self._make_vhost(name)
        return f"amqp://guest:guest@127.0.0.1:{self.port}/{name}"

    def fresh_url(self) -> str:
        """``url``, and nothing is there any more."""
        self.evaluate('rabbit_vhost:delete(<<"/">>, <<"tests">>).')
        self._make_vhost("/")
        return self.url

    def _make_vhost(self, name: str) -> None:
        self.evaluate(
            f'rabbit_vhost:add(<<"{name}">>, <<"tests">>), rabbit_auth_backend_internal:set_permissions('
            f'<<"guest">>, <<"{name}">>, <<".*">>, <<".*">>, <<".*">>, <<"tests">>).'
        )

    def close_all_connections(self) -> None:
        """As an administrator does it with ``rabbitmqctl close_all_connections``, which takes seconds to start."""
        self.evaluate(
            '[rabbit_networking:close_connection(Pid, "a test closes all") || Pid <- rabbit_networking:connections()].'
        )

    def close_connection(self, name: str) -> None:
        """As it does by itself after half a minute without a sign of life."""
        said = self.evaluate(
            f'[rabbit_networking:close_connection(Pid, "a test closes it") || Pid <- rabbit_networking:connections(), '
            f"{{client_properties, Told}} <- rabbit_networking:connection_info(Pid, [client_properties]), "
            f'{{<<"connection_name">>, _, <<"{name}">>}} <- Told].'
        )
        assert "ok" in said.replace("{ok,", "", 1), said

    @property
    def pid(self) -> int:
        assert self._server is not None
        return self._server.pid

    def start(self) -> None:
        if self._epmd is None:
            # Ours, so that none is left behind: Erlang's own start of it detaches from everything.
            self._epmd = self._run(["epmd", "-port", str(self._epmd_port), "-address", "127.0.0.1"])
        self._server = self._run([str(self._script)])
        assert self._server.stdout is not None
        ready = threading.Event()
        threading.Thread(target=self._listen, args=(self._server.stdout, ready), daemon=True).start()
        assert ready.wait(60), "\n".join(self.said[-30:])
        assert self._server.poll() is None, "\n".join(self.said[-30:])

    def stop(self) -> None:
        """As an administrator does it."""
        assert self._server is not None
        self._server.terminate()
        self._server.wait(60)
        self.kill()

    def kill(self) -> None:
        """At once. What it has confirmed is on disk, but for a queue it made less than a second ago: RabbitMQ 3.10 then
        comes back with a queue that never finds its leader."""
        if self._server is not None:
            _end_group(self._server)
            self._server = None

    def empty(self) -> None:
        """Forget everything. It must not run."""
        assert self._server is None
        shutil.rmtree(self.directory / "mnesia", ignore_errors=True)

    def restart(self, *, empty: bool = False) -> None:
        self.kill()
        if empty:
            self.empty()
        self.start()

    def remove(self) -> None:
        self.kill()
        if self._epmd is not None:
            _end_group(self._epmd)
        self._starter.shutdown()
        shutil.rmtree(self.directory, ignore_errors=True)

    def evaluate(self, erlang: str) -> str:
        """Run Erlang expressions in the server: a hundred times as fast as rabbitmqctl."""
        done = subprocess.run(
            ["erl_call", "-sname", NODE, "-c", "offizin-tests", "-e"],
            input=erlang + "\n", capture_output=True, text=True, timeout=30, check=False, env=self._environment(),
        )  # fmt: skip
        assert "{ok" in done.stdout, done.stdout + done.stderr
        return done.stdout

    def _environment(self) -> dict[str, str]:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("RABBITMQ_", "ERL_", "OFFIZIN_"))
        }
        directory = str(self.directory)
        return kept | {
            "PATH": PATH,
            "HOME": directory,
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": NODE,
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_CONF_ENV_FILE": f"{directory}/empty.conf",
            "RABBITMQ_CONFIG_FILE": f"{directory}/rabbitmq.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{directory}/none",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{directory}/plugins",
            "RABBITMQ_MNESIA_BASE": f"{directory}/mnesia",
            "RABBITMQ_LOG_BASE": f"{directory}/log",
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_PID_FILE": f"{directory}/pid",
            "RABBITMQ_GENERATED_CONFIG_DIR": f"{directory}/config",
            # The script becomes the server, instead of waiting for it; the server reads no commands.
            "RABBITMQ_ALLOW_INPUT": "1",
            "RABBITMQ_SERVER_START_ARGS": "-noinput",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 -kernel inet_dist_use_interface {127,0,0,1}",
        }

    def _run(self, command: list[str]) -> subprocess.Popen[str]:
        """By a thread that lives as long as this does: what it starts dies with it."""

        def run() -> subprocess.Popen[str]:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env=self._environment(),
                cwd=self.directory,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 (one call into C, nothing that could wait for a lock)
                start_new_session=True,
            )

        return self._starter.submit(run).result()

    def _listen(self, output: IO[str], ready: threading.Event) -> None:
        with output:
            for line in output:
                self.said.append(line.rstrip())
                if READY in line:
                    ready.set()
        ready.set()


def free_ports(count: int) -> list[int]:
    """Below those that the system gives to outgoing connections, so that they are still free after a restart."""
    found: list[int] = []
    while len(found) < count:
        port = random.randint(20_000, 32_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found


def _end_group(process: subprocess.Popen[str]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait(30)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: also when pytest is killed


def own_server() -> Iterator[RabbitMqServer]:
    """The body of a fixture, for the session or for one test."""
    script = program("rabbitmq-server")
    if script is None or shutil.which("erl_call", path=PATH) is None:
        pytest.skip("RabbitMQ is not installed (apt-get install rabbitmq-server)")
    server = RabbitMqServer(script)
    try:
        server.start()
        yield server
    finally:
        server.remove()
