"""A real server to measure: ``offizin serve`` as a child process, asked over HTTP."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.connection import Connection

PATIENCE = 60.0
DUMMY = "ocrd-dummy"
PROGRAMS = Path(sys.executable).parent


@dataclass(frozen=True)
class Server:
    process: psutil.Popen
    address: tuple[str, int]
    home: Path

    def connect(self) -> Connection:
        return Connection(*self.address)

    def cpu_seconds(self) -> float:
        """The server's own: what its runners take is not in it."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def runners_cpu_seconds(self) -> float:
        return cpu_seconds(self.process.children(recursive=True))

    def runners(self) -> int:
        """How many processors are loaded."""
        healthy = self.connect().ask("GET", "/healthz")
        return sum(runner["processor"] == DUMMY for runner in healthy["runners"])

    def resident_bytes(self) -> int:
        return int(self.process.memory_info().rss)


def cpu_seconds(processes: Iterable[psutil.Process]) -> float:
    """What they have used so far; those that have ended meanwhile are left out."""
    found = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            found += times.user + times.system
    return found


def environment_with(**more: str) -> dict[str, str]:
    """Processors of this environment first on PATH; no settings of the user's."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OFFIZIN_", "OCRD_"))}
    return {**kept, "PATH": f"{PROGRAMS}{os.pathsep}{os.environ.get('PATH', os.defpath)}", **more}


@contextmanager
def serving(
    home: Path, *, slots: int = 2, environment: Mapping[str, str] | None = None, config: Path | None = None
) -> Iterator[Server]:
    """From the start of the process to the first moment at which it takes requests; ended afterwards."""
    home.mkdir(parents=True, exist_ok=True)
    options = ["--address", "127.0.0.1:0", "--home", str(home), "--slots", str(slots)]
    command = ["serve", *options, *([] if config is None else [str(config)])]
    with running(command, home / "serve.log", environment) as process:
        yield Server(process, _address(process, home), home)


@contextmanager
def running(command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> Iterator[psutil.Popen]:
    """``offizin`` with these arguments; ended afterwards."""
    with log.open("ab") as output:
        process = psutil.Popen(
            [str(PROGRAMS / "offizin"), *command],
            env=dict(environment or environment_with()),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _end(process)


def _end(process: psutil.Popen) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(timeout=30)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait()


def _address(process: psutil.Popen, home: Path) -> tuple[str, int]:
    """It writes its address into its home as soon as it listens."""
    file, deadline = home / "address", time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        if file.exists() and (url := file.read_text().strip()):
            host, _, port = url.removeprefix("http://").rpartition(":")
            return host, int(port)
        time.sleep(0.002)
    raise SystemExit(f"the server did not start: {(home / 'serve.log').read_text()[-2000:]}")
