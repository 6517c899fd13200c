"""A Podman of the tests' own, with its API on a socket: nothing of it is left when the tests end.

Its one image is built from scratch of programs of this machine; nothing is pulled.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

IMAGE = "localhost/offizin-test:1"
# Where limits may not be raised, as in many containers, those that Podman asks for by itself are too high.
SETTINGS = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
"""
STAND_IN = """\
#!/bin/sh
echo "$@"
trap 'echo ended; exit' TERM
while :; do sleep 1000 & wait; done
"""


class PodmanService:
    """``start`` before anything else, ``remove`` in any case. ``why_not`` says why containers do not run here."""

    def __init__(self, program: str) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="offizin-podman-"))
        self.directory.chmod(0o755)
        self.socket = self.directory / "podman.sock"
        (self.directory / "containers.conf").write_text(SETTINGS)
        self._environment = {**os.environ, "CONTAINERS_CONF": str(self.directory / "containers.conf")}
        runtime = ["--runtime", "runc"] if shutil.which("runc", path=f"{os.environ.get('PATH', '')}:/usr/sbin") else []
        self._podman = [
            program, *runtime, "--root", f"{self.directory}/store", "--runroot", f"{self.directory}/run",
            "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs",
        ]  # fmt: skip
        self._service: subprocess.Popen[bytes] | None = None

    def podman(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._podman, *words], capture_output=True, text=True, check=False, timeout=120, env=self._environment
        )

    def build(self) -> None:
        root = self.directory / "root"
        (root / "bin").mkdir(parents=True)
        (root / "tmp").mkdir()
        (root / "tmp").chmod(0o1777)
        for name in ("sh", "sleep", "epmd"):  # epmd: the smallest program that listens, if it is there
            program = shutil.which(name)
            if program is None:
                continue
            shutil.copy(program, root / "bin" / name)
            said = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
            for library in re.findall(r"(/\S+)", said):
                place = root / library.removeprefix("/")
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(library, place)
        (root / "bin/offizin").write_text(STAND_IN)
        (root / "bin/offizin").chmod(0o755)
        archive = shutil.make_archive(str(self.directory / "image"), "tar", root)
        done = self.podman("import", archive, IMAGE)
        assert done.returncode == 0, done.stderr

    def why_not(self) -> str:
        """ "" where containers run."""
        done = self.podman("run", "--rm", "--network", "host", IMAGE, "sh", "-c", "exit 7")
        return "" if done.returncode == 7 else (done.stderr.strip().splitlines() or ["for no reason that it tells"])[-1]

    def start(self) -> None:
        self._service = subprocess.Popen(
            [*self._podman, "system", "service", "--time", "0", f"unix://{self.socket}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self._environment,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 (one call into C, nothing that could wait for a lock)
        )  # fmt: skip
        until = time.monotonic() + 30
        while not self._answers():
            assert self._service.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        self.socket.chmod(0o666)  # for the users that log in over SSH

    def remove(self) -> None:
        self.podman("rm", "--all", "--force", "--time", "0")
        if self._service is not None:
            self._service.terminate()
            self._service.wait(30)
        self.podman("system", "reset", "--force")
        shutil.rmtree(self.directory, ignore_errors=True)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket)) == 0


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG: also when pytest is killed


def podman_for_session() -> Iterator[PodmanService]:
    """The body of a fixture."""
    program = shutil.which("podman")
    if program is None:
        pytest.skip("Podman is not installed (apt-get install podman runc)")
    if os.getuid() != 0:
        pytest.skip("containers are tested as root alone")
    service = PodmanService(program)
    try:
        service.build()
        if reason := service.why_not():
            pytest.skip(f"Podman cannot run containers here: {reason}")
        service.start()
        yield service
    finally:
        service.remove()
