"""A server of the demo's own: started as a user would, as a child process."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from offizin.errors import Unavailable


@contextmanager
def running_server(home: Path, environment: Mapping[str, str], *, patience: float = 30.0) -> Iterator[str]:
    """``offizin serve`` on a free port of loopback, with its home in ``home``; gives its URL, ends it afterwards.

    Blocking. Raises Unavailable when it ends by itself, or does not answer within ``patience`` seconds; the message
    has the last lines of its log.
    """
    home.mkdir(parents=True, exist_ok=True)
    log = home / "serve.log"
    address = f"127.0.0.1:{_free_port()}"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [command(), "serve", "--address", address, "--home", str(home)],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C at the terminal is for the run; the server ends after it
        )
    try:
        _wait_until_it_answers(process, f"http://{address}", log, patience)
        yield f"http://{address}"
    finally:
        _end(process)


def command() -> str:
    """The console script of this environment."""
    return str(Path(sys.executable).parent / "offizin")


def _wait_until_it_answers(process: subprocess.Popen[bytes], url: str, log: Path, patience: float) -> None:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Unavailable(
                f"the server ended with exit code {process.returncode}: {_tail(log)}", advice=f"see {log}"
            )
        try:
            if httpx.get(f"{url}/healthz", timeout=1.0).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise Unavailable(f"the server does not answer at {url}: {_tail(log)}", advice=f"see {log}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-10:])
